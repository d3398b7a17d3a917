// What a model says it holds is what the process grew by: limits of bytes are limits of memory.

import { describe, expect, it } from 'vitest';
import type { ColumnType, ModelOptions } from '../../src/flow/pipeline.ts';
import { createModel } from '../../src/model/create-model.ts';
import type { LearnedTask, Model } from '../../src/model/model.ts';
import { Random } from '../../src/model/random.ts';
import { heldBytes } from '../support/held-bytes.ts';

const MIB = 2 ** 20;
const NUMBERS = ['a', 'b', 'c', 'd', 'e'];
const COLUMNS: readonly ColumnType[] = [
  ...NUMBERS.map((name) => ({ name, typeOid: 701, type: 'double precision' })),
  { name: 'kind', typeOid: 25, type: 'text' },
];
const LABELS: Readonly<Record<LearnedTask, ColumnType | undefined>> = {
  binary: { name: 'label', typeOid: 16, type: 'boolean' },
  regression: { name: 'label', typeOid: 701, type: 'double precision' },
  multiclass: { name: 'label', typeOid: 25, type: 'text' },
  anomaly: undefined,
};

interface Case {
  readonly options: ModelOptions;
  readonly task: LearnedTask;
  readonly rows: number;
  /** Values of the column `kind`. */
  readonly kinds?: number;
  readonly classes?: number;
}

/** Splits whenever it looks. */
const EAGER = { grace_period: 50, tau: 1 };

/** Each becomes large enough for the rest of the process not to matter. */
const CASES: readonly Case[] = [
  { options: { kind: 'hoeffding_tree', ...EAGER }, task: 'binary', rows: 60_000 },
  { options: { kind: 'hoeffding_tree', ...EAGER }, task: 'regression', rows: 20_000 },
  { options: { kind: 'hoeffding_tree', ...EAGER }, task: 'multiclass', rows: 20_000, classes: 40 },
  { options: { kind: 'hoeffding_adaptive_tree', ...EAGER }, task: 'binary', rows: 60_000 },
  { options: { kind: 'hoeffding_adaptive_tree', ...EAGER }, task: 'regression', rows: 20_000 },
  { options: { kind: 'adaptive_forest' }, task: 'binary', rows: 20_000 },
  { options: { kind: 'adaptive_forest' }, task: 'regression', rows: 5_000 },
  { options: { kind: 'mondrian_forest' }, task: 'regression', rows: 5_000 },
  { options: { kind: 'naive_bayes', max_classes: 1_000 }, task: 'multiclass', rows: 40_000, classes: 1_000 },
  {
    options: { kind: 'softmax', max_classes: 1_000, optimizer: { name: 'adam' } },
    task: 'multiclass',
    rows: 3_000,
    classes: 1_000,
  },
  { options: { kind: 'factorization' }, task: 'binary', rows: 20_000, kinds: 1_000_000 },
  { options: { kind: 'holt_winters', series: 'kind' }, task: 'regression', rows: 20_000, kinds: 5_000 },
  { options: { kind: 'holt_winters', series: 'kind', season: 7 }, task: 'regression', rows: 40_000, kinds: 4_000 },
  { options: { kind: 'autoregression', series: 'kind', horizon: 5 }, task: 'regression', rows: 20_000, kinds: 2_000 },
  { options: { kind: 'neural', replay: 10_000 }, task: 'regression', rows: 15_000 },
];

describe('memory', () => {
  it.each(CASES)('of $options as $task is what the model says', { timeout: 60_000 }, async (one) => {
    const { options, task, rows } = one;
    const start = () => createModel({ options, features: COLUMNS, label: LABELS[task], seed: 1 });
    learn(await start(), one, 1_000);
    const before = await heldBytes();
    const model = await start();
    learn(model, one, rows);
    const grown = (await heldBytes()) - before;
    expect(model.bytes).toBeGreaterThan(2 * MIB);
    expect(Math.abs(grown - model.bytes), `${model.bytes} said, ${grown} taken`).toBeLessThan(
      0.15 * model.bytes + MIB / 2,
    );
  });
});

function learn(model: Model, { task, kinds = 100, classes = 2 }: Case, rows: number): void {
  const random = new Random(7);
  for (let i = 0; i < rows; i++) {
    const numbers = Object.fromEntries(NUMBERS.map((name) => [name, random.uniform()]));
    const { a = 0, b = 0, c = 0 } = numbers;
    const kind = Math.floor(random.uniform() * kinds);
    const target = Math.sin(20 * a) * Math.cos(20 * b) + c * (kind % 3);
    const features = { ...numbers, kind: `kind ${kind}` };
    const label = `class ${Math.abs(Math.floor(target * classes)) % classes}`;
    model.learn({ features, target: task === 'binary' ? Number(target > 0.5) : target, label, weight: 1 });
  }
}
