// Columns, examples and options in which code that encodes and learns at once could differ from what does so step by step.

import type { ColumnType } from '../../src/flow/pipeline.ts';
import type { TrainingExample } from '../../src/model/model.ts';
import { seeded } from './seeded.ts';

export const BOOLEAN = 16;
/** Would end a string, a template or a line of code, if it were not quoted. */
const HOSTILE = '"]; throw 1; //\u2028\n`${row}\\';
export const COLUMNS: readonly ColumnType[] = [
  { name: 'amount', typeOid: 701, type: 'double precision' },
  { name: 'country', typeOid: 25, type: 'text' },
  { name: 'a \'quoted\' "name"', typeOid: 1700, type: 'numeric' },
  { name: 'chip', typeOid: BOOLEAN, type: 'boolean' },
  { name: 'often null', typeOid: 701, type: 'double precision' },
  { name: 'words', typeOid: 25, type: 'text' },
  { name: 'whole', typeOid: 20, type: 'bigint' },
  { name: HOSTILE, typeOid: 701, type: 'double precision' },
];

/** Numbers of all sizes, NULLs, absent columns, texts where numbers are due, new categories, absurd and unusable values and targets. */
export function examples(count: number, binary: boolean): TrainingExample[] {
  const random = seeded(7);
  return Array.from({ length: count }, (_, i) => {
    const odd = i % 9 === 8;
    const features: Record<string, unknown> = {
      amount: odd ? [null, '12.5', 1e99, 1e101, Number.NaN, true, 'x', Infinity, -1e99][i % 8] : random() * 100 - 20,
      country: odd ? null : `c${Math.floor(random() * (3 + i / 20))}`,
      'a \'quoted\' "name"': random() < 0.1 ? -0 : (random() - 0.5) ** 5,
      chip: random() < 0.1 ? null : random() < 0.5,
      'often null': random() < 0.5 ? null : Math.round(random() * 4),
      words: `w${i % 7} w${i % 11} w${i}`,
      whole: 3,
      [HOSTILE]: random() * 1e-3,
    };
    if (i % 13 === 5) delete features['amount'];
    if (i % 17 === 5) delete features['whole'];
    const [a, b] = [random(), random()];
    const target = binary ? Number(a < 0.4) : i % 50 === 49 ? 1e80 : (a - 0.3) * 50;
    return { features, target: i % 101 === 100 ? Number.NaN : target, weight: i % 6 === 0 ? 3 * b : 1 };
  });
}

export const optimizers = [
  { name: 'sgd', lr: 0.05 },
  { name: 'adagrad' },
  { name: 'adam', lr: 0.01 },
  { name: 'ftrl', l1: 0.1 },
  { name: 'ftrl', l1: 0.1, order: 'paper' },
];
export const encodings = [
  {},
  { clip: null },
  { standardise: false },
  { clip: 2, categories: 'hashing', features: { words: { as: 'text' }, amount: { scale: 'robust' } } },
];
