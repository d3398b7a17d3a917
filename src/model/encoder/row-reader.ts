// Takes the features out of a row, in order. A property looked up by a name that differs from call to call costs V8 some 12 ns; by
// one that stands in the code, about one. So the code is generated, once for a model: every value of every row passes here twice.

import type { FeatureRow } from '../model.ts';

export type RowReader = (row: FeatureRow, into: unknown[]) => void;

export function rowReader(names: readonly string[]): RowReader {
  const body = names.map((name, f) => `into[${f}] = row[${JSON.stringify(name)}];`).join('\n');
  try {
    // Names are quoted, and nothing else comes from outside.
    return new Function('row', 'into', body) as RowReader;
  } catch {
    // Node was told not to generate code (--disallow-code-generation-from-strings).
    return (row, into) => {
      for (let f = 0; f < names.length; f++) into[f] = row[names[f]!];
    };
  }
}
