// Opaque keys as the columns of a score table.

import type { KeyText } from '../flow/record.ts';
import { textArray } from './binary-arrays.ts';

/** Keys as one text array a key column. */
export function keyColumns(keys: readonly KeyText[], count: number): Buffer[] {
  if (count === 1) return [textArray(keys.map(onlyPart))];
  const columns: string[][] = Array.from({ length: count }, () => []);
  for (const key of keys) {
    const parts = JSON.parse(key) as string[];
    for (let column = 0; column < count; column++) columns[column]!.push(parts[column]!);
  }
  return columns.map(textArray);
}

/** Without a backslash the text between the quotes is the value: no parser for the key that nearly all have. */
function onlyPart(key: KeyText): string {
  const plain = key.startsWith('["') && key.endsWith('"]') && !key.includes('\\');
  return plain ? key.slice(2, -2) : (JSON.parse(key) as [string])[0];
}
