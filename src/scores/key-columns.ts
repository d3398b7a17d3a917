// Opaque keys as the columns of a score table.

import type { KeyText } from '../flow/record.ts';
import { textArray } from './binary-arrays.ts';

/** Keys as one text array a key column. */
export function keyColumns(keys: readonly KeyText[], count: number): Buffer[] {
  const columns: string[][] = Array.from({ length: count }, () => []);
  for (const key of keys) {
    const parts = JSON.parse(key) as string[];
    for (let column = 0; column < count; column++) columns[column]!.push(parts[column]!);
  }
  return columns.map(textArray);
}
