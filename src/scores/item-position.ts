// The order of examples and outcomes in a partition.

import type { Example, ItemPosition } from './score-store.ts';

/** True when `a` stands after `b`; anything stands after nothing. */
export function isAboveItem(a: ItemPosition, b: ItemPosition | undefined): boolean {
  if (b === undefined || a.lsn !== b.lsn) return b === undefined || a.lsn > b.lsn;
  return a.n === b.n ? a.i > b.i : a.n > b.n;
}

/** Examples, in order, above a cursor. */
export function beyond(cursor: ItemPosition | undefined, examples: readonly Example[]): readonly Example[] {
  const first = cursor === undefined ? 0 : examples.findIndex((example) => isAboveItem(example.at, cursor));
  return first < 0 ? [] : examples.slice(first);
}
