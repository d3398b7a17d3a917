// Kinds that learn without labels: what River's do, and what a model adds to it.

import { expect, test } from 'vitest';
import type { ColumnType } from '../../../src/flow/pipeline.ts';
import { createModel, loadModel } from '../../../src/model/create-model.ts';
import type { FeatureRow, Model, ModelRequest } from '../../../src/model/model.ts';
import { binaryQuality } from '../../../src/model/metrics/binary-tally.ts';
import { booleanLabel, floatColumns, goldenOutputs, goldenTrace, phishing, textLabel } from '../phishing.ts';
import { seeded } from '../seeded.ts';

const KINDS = ['half_space_trees', 'gaussian_scorer'];

function requestOf(options: ModelRequest['options'], features: readonly ColumnType[], seed = 1): ModelRequest {
  return { options, features, label: undefined, seed };
}

async function modelOf(options: ModelRequest['options'], features: readonly ColumnType[]): Promise<Model> {
  return createModel(requestOf(options, features));
}

function raws(model: Model, rows: readonly FeatureRow[]): number[] {
  return rows.map((row) => {
    const [said] = model.predictMany([row]);
    model.observe(row);
    return said!.outputs!['raw']!;
  });
}

const raw = (model: Model, row: FeatureRow): number => model.predictMany([row])[0]!.outputs!['raw']!;

/** The sum of three uniform numbers, within 1.5 of `mean`. */
function near(mean: number, random: () => number): number {
  return mean + random() + random() + random() - 1.5;
}

test('half-space trees score every row of phishing as River does with the same trees', async () => {
  const { columns, rows } = phishing();
  const model = await createModel(requestOf({ kind: 'half_space_trees', ranges: 'observed' }, columns, 7));
  const scores = raws(
    model,
    rows.map((row) => row.features),
  );
  const river = goldenTrace('half_space_phishing');
  expect(river.filter((one) => one > 0).length).toBe(1000);
  scores.forEach((one, i) => expect(Math.abs(one - river[i]!), `row ${i}`).toBeLessThan(1e-9));
});

test('a Gaussian scorer of one column scores every value as River does', async () => {
  const model = await modelOf({ kind: 'gaussian_scorer', encode: { clip: null } }, floatColumns(['x']));
  const river = goldenOutputs('gaussian_scorer');
  expect(river).toHaveLength(1500);
  const scores = raws(
    model,
    river.map(({ x }) => ({ x })),
  );
  scores.forEach((one, i) => expect(Math.abs(1 - Math.exp(-one) - river[i]!['score']!), `row ${i}`).toBeLessThan(1e-9));
});

test.each(KINDS)('%s alarms at the rare row, not at the first ones, and says which column it was', async (kind) => {
  const random = seeded(3);
  const model = await modelOf({ kind }, floatColumns(['a', 'b', 'c']));
  const usual = (): FeatureRow => ({ a: near(0, random), b: near(50, random), c: near(-7, random) });
  let alarms = 0;
  for (let i = 0; i < 3000; i++) {
    const row = usual();
    const [said] = model.predictMany([row]);
    if (said!.prediction === 'anomaly') alarms += 1;
    if (i < 200) expect(said!.score).toBeLessThanOrEqual(0.99);
    model.observe(row);
  }
  expect(alarms).toBeGreaterThan(5);
  expect(alarms).toBeLessThan(60);
  const strange = { ...usual(), b: 58 };
  const [said] = model.predictMany([strange]);
  expect(said!.prediction).toBe('anomaly');
  expect(said!.score).toBeGreaterThan(0.995);
  expect(model.explain(strange, 1).contributions[0]).toMatchObject({ feature: 'b', value: 58 });
});

test.each(KINDS)(
  '%s scores 0 and says normal until it has seen enough, and an alarm needs 100 rows more',
  async (kind) => {
    const random = seeded(4);
    const warm = kind === 'half_space_trees' ? 250 : 100;
    const model = await modelOf({ kind }, floatColumns(['a']));
    for (let i = 0; i < warm + 99; i++) {
      const [said] = model.predictMany([{ a: 1e9 }]);
      if (i < warm) expect(said).toEqual({ score: 0, prediction: 'normal', outputs: { raw: 0 } });
      else expect(said!.prediction).toBe('normal');
      model.observe({ a: near(0, random) });
    }
    expect(model.explain({ a: 1e9 }, 1).contributions[0]!.contribution).toBeGreaterThan(0);
    model.observe({ a: 0 });
    expect(model.predictMany([{ a: 1e9 }])[0]!.prediction).toBe('anomaly');
  },
);

test('the threshold, and nothing else, is what the prediction compares the score with', async () => {
  const [low, high] = await Promise.all(
    [0.5, 0.999].map((threshold) => modelOf({ kind: 'gaussian_scorer', threshold }, floatColumns(['a']))),
  );
  const random = seeded(6);
  let [loud, quiet] = [0, 0];
  for (let i = 0; i < 4000; i++) {
    const row = { a: near(0, random) };
    const [a, b] = [low!.predictMany([row])[0]!, high!.predictMany([row])[0]!];
    expect(a.score).toBe(b.score);
    expect(a.prediction === 'anomaly').toBe(a.score! > 0.5);
    expect(b.prediction === 'anomaly').toBe(b.score! > 0.999);
    if (a.prediction === 'anomaly') loud += 1;
    if (b.prediction === 'anomaly') quiet += 1;
    low!.observe(row);
    high!.observe(row);
  }
  expect(loud).toBeGreaterThan(1750);
  expect(loud).toBeLessThan(2150);
  expect(quiet).toBeLessThan(15);
});

test('a category seldom seen, one never seen, and NULL where it is unusual, are strange to a Gaussian scorer', async () => {
  const columns = [{ name: 'state', typeOid: 25, type: 'text' }, ...floatColumns(['a'])];
  const model = await modelOf({ kind: 'gaussian_scorer' }, columns);
  for (let i = 0; i < 2000; i++)
    model.observe({ state: i % 100 === 0 ? 'error' : i % 2 === 0 ? 'on' : 'off', a: i % 7 });
  const of = (row: FeatureRow): number => raw(model, { state: 'off', a: 3, ...row });
  expect(of({})).toBeLessThan(0.02);
  expect(of({ state: 'on' })).toBeCloseTo(-Math.log((980 + 20 + 1) / 2001), 1);
  expect(of({ state: 'error' }) - of({})).toBeCloseTo(-Math.log(21 / 2001), 10);
  expect(of({ state: 'melted' }) - of({})).toBeCloseTo(-Math.log(1 / 2001), 10);
  expect(of({ a: null })).toBeCloseTo(-Math.log(1 / 2001), 10);
  expect(of({ state: null, a: null })).toBeCloseTo(2 * -Math.log(1 / 2001), 10);
});

test('another value where all were the same is as strange as something that never came', async () => {
  const model = await modelOf({ kind: 'gaussian_scorer', encode: { clip: null } }, floatColumns(['a']));
  for (let i = 0; i < 999; i++) model.observe({ a: 5 });
  expect(raw(model, { a: 5 })).toBe(0);
  expect(raw(model, { a: 5.001 })).toBeCloseTo(Math.log(1000), 12);
});

test('with "max" the strangest column alone counts', async () => {
  const random = seeded(9);
  const sum = await modelOf({ kind: 'gaussian_scorer' }, floatColumns(['a', 'b']));
  const max = await modelOf({ kind: 'gaussian_scorer', combine: 'max' }, floatColumns(['a', 'b']));
  for (let i = 0; i < 500; i++) {
    const row = { a: near(0, random), b: near(0, random) };
    sum.observe(row);
    max.observe(row);
  }
  const row = { a: 1, b: -1.5 };
  const parts = sum.explain(row, 2).contributions.map((part) => part.contribution);
  expect(parts.every((part) => part > 0.5)).toBe(true);
  expect(raw(sum, row)).toBe(parts[0]! + parts[1]!);
  expect(raw(max, row)).toBe(parts[0]!);
  expect(max.explain(row, 2).contributions.map((part) => part.contribution)).toEqual([parts[0], 0]);
});

test('with a memory a Gaussian scorer follows a level that moved, without one it does not', async () => {
  const moved = async (options: Record<string, unknown>) => {
    const random = seeded(10);
    const model = await modelOf({ kind: 'gaussian_scorer', ...options }, floatColumns(['a']));
    for (let i = 0; i < 4000; i++) model.observe({ a: near(i < 2000 ? 0 : 6, random) });
    return [raw(model, { a: 6 }), raw(model, { a: 0 })] as const;
  };
  const [usual, former] = await moved({ memory: 200 });
  expect(usual).toBeLessThan(0.5);
  expect(former).toBeGreaterThan(20);
  const [, kept] = await moved({});
  expect(kept).toBeLessThan(2);
});

test('half-space trees tell apart categories by how often they come together', async () => {
  const columns = [
    { name: 'state', typeOid: 25, type: 'text' },
    { name: 'open', typeOid: 16, type: 'boolean' },
  ];
  const model = await modelOf({ kind: 'half_space_trees', n_trees: 25 }, columns);
  const random = seeded(12);
  for (let i = 0; i < 1000; i++) {
    const open = random() < 0.5;
    model.observe({ state: open ? 'warm' : 'cold', open });
  }
  const of = (state: string, open: boolean): number => raw(model, { state, open });
  expect(of('warm', false)).toBeGreaterThan(of('warm', true));
  expect(of('cold', true)).toBeGreaterThan(of('cold', false));
});

test('trees over columns that come new take over after a window, and other options likewise', async () => {
  const options = { kind: 'half_space_trees', window_size: 50 };
  const random = seeded(13);
  const row = (): FeatureRow => ({ a: random(), b: near(0, random) });
  const narrow = await modelOf(options, floatColumns(['a']));
  for (let i = 0; i < 120; i++) narrow.observe(row());
  const model = await loadModel(requestOf(options, floatColumns(['a', 'b'])), narrow.save());
  const blind = raw(model, { a: 0.5, b: 9 }) - raw(model, { a: 0.5, b: 0 });
  expect(blind).toBe(0);
  // To the end of the window in hand, and one of the new trees' own.
  for (let i = 0; i < 30 + 50; i++) model.observe(row());
  expect(model.explain({ a: 0.5, b: 9 }, 1).contributions[0]!.feature).toBe('b');
  const taller = await loadModel(requestOf({ ...options, n_trees: 20 }, floatColumns(['a', 'b'])), model.save());
  const before = taller.bytes;
  for (let i = 0; i < 50; i++) taller.observe(row());
  expect(taller.bytes).toBeGreaterThan(before);
});

test('a label that is no boolean is refused, and so are more nodes than can be', async () => {
  const request = requestOf({ kind: 'half_space_trees' }, floatColumns(['a']));
  await expect(createModel({ ...request, label: textLabel })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: '"half_space_trees" needs a boolean label, the label view gives text',
    hint: 'It learns without labels, which only measure it: leave `labels` out, or give a boolean.',
  });
  expect((await createModel({ ...request, label: booleanLabel })).task).toBe('anomaly');
  await expect(
    createModel(requestOf({ kind: 'half_space_trees', height: 20, n_trees: 100 }, floatColumns(['a']))),
  ).rejects.toMatchObject({ code: 'MODEL_INVALID', message: /4194304 nodes/ });
});

test("over ten seeds half-space trees rank phishing as well as River's", async () => {
  const { columns, rows } = phishing();
  const sums = { roc_auc: 0, pr_auc: 0 };
  for (let seed = 0; seed < 10; seed++) {
    const model = await createModel(requestOf({ kind: 'half_space_trees' }, columns, seed));
    const scores = raws(
      model,
      rows.map((row) => row.features),
    );
    const { values } = binaryQuality(
      Float64Array.from(scores),
      Float64Array.from(rows, ({ target }) => target),
    );
    for (const name of ['roc_auc', 'pr_auc'] as const)
      sums[name] += values.find(({ metric }) => metric === name)!.value! / 10;
  }
  // The means of River 0.26.1's MinMaxScaler() | HalfSpaceTrees() over seeds 0 to 39.
  expect(sums.roc_auc).toBeGreaterThan(0.5827 - 0.005);
  expect(sums.pr_auc).toBeGreaterThan(0.5183 - 0.005);
});
