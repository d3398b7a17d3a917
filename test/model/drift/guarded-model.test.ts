// What watches over a model, and what it does at a drift.

import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../../src/flow/pipeline.ts';
import { createModel, loadModel } from '../../../src/model/create-model.ts';
import type { DriftAlarm, Model, ModelRequest } from '../../../src/model/model.ts';
import { booleanLabel, floatColumns, numberLabel, textLabel } from '../phishing.ts';
import { sea, stationary, type StreamRow } from './streams.ts';

const seaColumns = floatColumns(['x1', 'x2', 'x3']);
const shopColumns: readonly ColumnType[] = [
  { name: 'x', typeOid: 701, type: 'double precision' },
  { name: 'shop', typeOid: 25, type: 'text' },
  { name: 'age', typeOid: 20, type: 'bigint' },
];

interface Run {
  readonly model: Model;
  readonly alarms: readonly DriftAlarm[];
  /** Of the last so many rows: the share that were wrong, or the mean distance. */
  readonly wrong: (last: number) => number;
}

interface Setting {
  readonly options: ModelRequest['options'];
  readonly columns?: readonly ColumnType[];
  readonly label?: ColumnType;
  /** Saved and loaded before each of these rows. */
  readonly resumeAt?: readonly number[];
}

function requestOf({ options, columns = seaColumns, label = booleanLabel }: Setting): ModelRequest {
  return { options, features: columns, label, seed: 7 };
}

/** Each row is scored, then learned with the score it was given. */
async function run(rows: readonly StreamRow[], setting: Setting): Promise<Run> {
  const request = requestOf(setting);
  let model = await createModel(request);
  const alarms: DriftAlarm[] = [];
  const losses: number[] = [];
  for (const [i, { features, target }] of rows.entries()) {
    if (setting.resumeAt?.includes(i)) model = await loadModel(request, model.save());
    const [{ score, prediction }] = model.predictMany([features]) as [ReturnType<Model['predictMany']>[number]];
    const label = `class ${target}`;
    if (model.learnsArrivals) model.observe(features);
    model.learn({ features, target, weight: 1, label, score, prediction });
    alarms.push(...(model.takeAlarms?.() ?? []));
    losses.push(
      model.task === 'regression'
        ? Math.abs(score! - target)
        : Number(model.task === 'binary' ? score! > 0.5 !== target > 0.5 : prediction !== label),
    );
  }
  const wrong = (last: number) => losses.slice(-last).reduce((sum, loss) => sum + loss, 0) / last;
  return { model, alarms, wrong };
}

describe('what watches over a model', () => {
  test('tells that the loss has risen, soon after the change, with the loss before and after', async () => {
    const rows = sea(1, 6000, 3000).map((row, i) => (i < 3000 ? row : { ...row, target: 1 - row.target }));
    const { alarms } = await run(rows, { options: { kind: 'naive_bayes' } });
    const [first] = alarms.filter(({ signal }) => signal === 'loss');
    expect(first).toMatchObject({ detector: 'adwin', feature: null, action: 'alarm' });
    expect(first!.examples).toBeGreaterThan(3000);
    expect(first!.examples).toBeLessThan(3100);
    expect(first!.from).toBeLessThan(0.2);
    expect(first!.to).toBeGreaterThan(0.3);
  });

  test.each(['page_hinkley', 'ddm', 'eddm', 'hddm_a', 'hddm_w', 'fhddm'])('%s tells it too', async (name) => {
    const rows = sea(1, 6000, 3000).map((row, i) => (i < 3000 ? row : { ...row, target: 1 - row.target }));
    const { alarms } = await run(rows, { options: { kind: 'naive_bayes', drift: { detector: { name } } } });
    const first = alarms.find(({ signal, examples }) => signal === 'loss' && examples > 3000);
    expect(first).toMatchObject({ detector: name });
    expect(first!.examples).toBeLessThan(3300);
  });

  test('takes numbers too: the mean distance rises', async () => {
    const rows = stationary(3, 6000).map(({ features }, i) => {
      const x = features['x'] as number;
      return { features, target: 50 + 20 * (i < 4000 ? x : -x) };
    });
    const setting = { columns: shopColumns, label: numberLabel };
    const { alarms } = await run(rows, { options: { kind: 'hoeffding_tree' }, ...setting });
    const [first] = alarms.filter(({ signal }) => signal === 'loss');
    expect(first!.examples).toBeGreaterThan(4000);
    expect(first!.examples).toBeLessThan(4200);
    expect(first!.from).toBeLessThan(4);
    expect(first!.to).toBeGreaterThan(10);
  });

  test('classes are right or wrong', async () => {
    const rows = sea(2, 5000, 2500).map((row, i) => (i < 2500 ? row : { ...row, target: 1 - row.target }));
    const { alarms } = await run(rows, { options: { kind: 'naive_bayes' }, label: textLabel });
    const [first] = alarms.filter(({ signal }) => signal === 'loss');
    expect(first!.examples).toBeGreaterThan(2500);
    expect(first!.examples).toBeLessThan(2700);
    expect(first!.to).toBeGreaterThan(0.5);
  });

  test('that a model gets better is no drift', async () => {
    const rows = sea(4, 6000, 6000).map((row, i) => (i > 2000 || i % 2 ? row : { ...row, target: 1 - row.target }));
    const { alarms, wrong } = await run(rows, { options: { kind: 'logistic' } });
    expect(wrong(2000)).toBeLessThan(0.2);
    expect(alarms.filter(({ signal }) => signal === 'loss')).toEqual([]);
  });

  test('names the feature whose numbers, categories or missing values have shifted, once', async () => {
    const rows = stationary(5, 14_000).map((row, i) => {
      if (i < 7000) return row;
      const { features } = row;
      return { ...row, features: { ...features, x: (features['x'] as number) + 1, age: null } };
    });
    const moved = rows.map((row, i) =>
      i < 9000 ? row : { ...row, features: { ...row.features, shop: `new ${row.features['shop'] as string}` } },
    );
    const options = { kind: 'logistic', drift: { signals: ['features'] } };
    const { alarms } = await run(moved, { options, columns: shopColumns });
    expect(alarms.map(({ feature, detector }) => `${feature} ${detector}`).sort()).toEqual([
      'age missing_rate',
      'shop psi',
      'x psi',
    ]);
    const of = (name: string) => alarms.find(({ feature }) => feature === name)!;
    const [x, age, shop] = [of('x'), of('age'), of('shop')];
    for (const [alarm, from] of [
      [x, 7000],
      [age, 7000],
      [shop, 9000],
    ] as const) {
      expect(alarm.examples).toBeGreaterThan(from);
      // Two windows of 400 rows, one row in six looked at.
      expect(alarm.examples).toBeLessThan(from + 5200);
    }
    expect(x.to).toBeGreaterThan(0.25);
    expect(age.from).toBeCloseTo(0.2, 1);
    expect(age.to).toBeGreaterThan(0.3);
  });

  test('a feature with a rhythm, such as the hour, alarms a few times at most, and a real shift later is told', async () => {
    const days = 60;
    const rowsOfADay = 5_000;
    const rows = stationary(9, days * rowsOfADay).map(({ features, target }, i) => {
      const hour = Math.floor((24 * (i % rowsOfADay)) / rowsOfADay);
      return { features: { ...features, x: i < 40 * rowsOfADay ? hour : hour + 12 }, target };
    });
    const { alarms } = await run(rows, {
      options: { kind: 'logistic', drift: { signals: ['features'] } },
      columns: shopColumns,
    });
    const before = alarms.filter(({ examples }) => examples <= 40 * rowsOfADay);
    expect(before.length).toBeGreaterThan(0);
    expect(before.length).toBeLessThan(4);
    expect(before.at(-1)!.examples).toBeLessThan(10 * rowsOfADay);
    const shifted = alarms.find(({ examples }) => examples > 40 * rowsOfADay);
    expect(shifted).toMatchObject({ feature: 'x', detector: 'psi' });
    expect(shifted!.examples).toBeLessThan(50 * rowsOfADay);
  });

  test.each([
    ['mean', 'adwin', booleanLabel],
    ['mean', 'adwin', numberLabel],
    ['psi', 'psi', booleanLabel],
    ['mean', 'psi', textLabel],
  ])('tells that scores have moved: %s, by %s, %o', async (score, detector, label) => {
    // From row 7000 on half the labels are true whatever the features are.
    const rows = stationary(6, 16_000).map((row, i) => (i < 7000 || i % 2 ? row : { ...row, target: 1 }));
    const kind = label === booleanLabel ? 'logistic' : label === textLabel ? 'softmax' : 'linear';
    const options = { kind, drift: { score } };
    const { alarms } = await run(rows, { options, columns: shopColumns, label });
    const scores = alarms.filter(({ signal }) => signal === 'score');
    expect(scores[0]).toMatchObject({ detector, feature: null });
    expect(scores[0]!.examples).toBeGreaterThan(7000);
    expect(scores[0]!.to).toBeGreaterThan(scores[0]!.from + 0.1);
  });

  test('looks at arrivals where it is told to, labelled or not', async () => {
    const options = { kind: 'logistic', drift: { on: 'arrivals' } };
    const model = await createModel(requestOf({ options, columns: shopColumns }));
    expect(model.learnsArrivals).toBe(true);
    const alarms: DriftAlarm[] = [];
    for (const [i, { features }] of stationary(8, 9000).entries()) {
      model.observe(i < 5000 ? features : { ...features, age: null });
      alarms.push(...model.takeAlarms!());
    }
    expect(alarms.map(({ feature, detector, examples }) => [feature, detector, examples])).toEqual([
      ['age', 'missing_rate', 0],
    ]);
  });

  test.each(['logistic', 'naive_bayes', 'hoeffding_tree', 'passive_aggressive'])(
    'alarms at nothing where nothing changes: %s',
    async (kind) => {
      let loss = 0;
      for (let seed = 1; seed <= 8; seed++) {
        const { alarms } = await run(stationary(seed, 8000), { options: { kind }, columns: shopColumns });
        expect(alarms.filter(({ signal }) => signal !== 'loss')).toEqual([]);
        loss += alarms.length;
      }
      // ADWIN's delta is 0.002 a test at most; in 8 streams of 8,000 rows there are 1,750 tests.
      expect(loss).toBeLessThanOrEqual(1);
    },
  );

  test('without signals nothing watches', async () => {
    const model = await createModel(requestOf({ options: { kind: 'logistic', drift: { signals: [] } } }));
    expect(model.takeAlarms).toBeUndefined();
  });
});

describe('at a drift', () => {
  const drifting = sea(11, 12_000, 3000);

  test.each([
    ['adapt', 'naive_bayes'],
    ['challenger', 'naive_bayes'],
    ['adapt', 'hoeffding_tree'],
    ['challenger', 'hoeffding_tree'],
  ])('%s makes %s better than without', async (action, kind) => {
    const { wrong: without } = await run(drifting, { options: { kind } });
    const { wrong, alarms } = await run(drifting, { options: { kind, drift: { action } } });
    expect(wrong(12_000)).toBeLessThan(without(12_000) - 0.01);
    const done = alarms.map((alarm) => alarm.action);
    expect(done).toContain(action === 'adapt' ? 'restarted' : 'challenger took over');
  });

  test('a challenger that is no better goes', async () => {
    // From row 3000 on every third label is turned round: all err more, and nobody can be better.
    const rows = sea(12, 12_000, 12_000).map((row, i) =>
      i < 3000 || i % 3 ? row : { ...row, target: 1 - row.target },
    );
    const { alarms } = await run(rows, { options: { kind: 'logistic', drift: { action: 'challenger' } } });
    const done = alarms.filter(({ signal }) => signal === 'loss').map(({ action }) => action);
    expect(done[0]).toBe('challenger learns');
    expect(done).toContain('challenger dropped');
  });

  test('a forest replaces its worst tree', async () => {
    const rows = sea(13, 4500, 2500).map((row, i) => (i < 2500 ? row : { ...row, target: 1 - row.target }));
    const options = { kind: 'adaptive_forest', trees: 3, drift: { action: 'adapt' } };
    const { alarms } = await run(rows, { options });
    expect(alarms.find(({ signal }) => signal === 'loss')).toMatchObject({ action: 'worst part replaced' });
  });

  test.each([
    { kind: 'naive_bayes', drift: { action: 'adapt' } },
    { kind: 'naive_bayes', drift: { action: 'challenger' } },
    { kind: 'logistic', drift: { action: 'challenger', detector: { name: 'ddm' } } },
    { kind: 'hoeffding_tree', drift: { action: 'adapt', detector: { name: 'hddm_w' } } },
    { kind: 'adaptive_forest', trees: 2, drift: { action: 'adapt' } },
    { kind: 'logistic', drift: { on: 'arrivals', every: 1, window: 100 } },
  ])('saved and loaded in the midst of it, it goes on bit for bit: %j', async (options) => {
    const rows = drifting.slice(0, 7500);
    const whole = await run(rows, { options });
    const resumeAt = [
      ...Array.from({ length: 75 }, (_, i) => i * 100),
      ...Array.from({ length: 80 }, (_, i) => 3020 + i),
    ];
    const resumed = await run(rows, { options, resumeAt });
    expect(resumed.alarms).toEqual(whole.alarms);
    expect(whole.alarms.length).toBeGreaterThan(0);
    expect(Buffer.compare(resumed.model.save(), whole.model.save())).toBe(0);
    expect(resumed.model.examples).toBe(rows.length);
  });

  test('counts go on where another model takes over', async () => {
    const rows = drifting.map((row, i) => (i % 50 === 0 ? { ...row, target: Number.NaN } : row));
    const { model, alarms } = await run(rows, { options: { kind: 'naive_bayes', drift: { action: 'adapt' } } });
    expect(alarms.map(({ action }) => action)).toContain('restarted');
    expect(model.examples).toBe(12_000);
    expect(model.skipped).toBe(240);
    const quiet = requestOf({ options: { kind: 'naive_bayes', drift: { signals: [] } } });
    const unwatched = await loadModel(quiet, (await loadModel(quiet, model.save())).save());
    expect([unwatched.examples, unwatched.skipped, unwatched.takeAlarms?.()]).toEqual([12_000, 240, []]);
  });

  test('a state from before anything watched goes on', async () => {
    const before = await run(drifting.slice(0, 1000), { options: { kind: 'logistic', drift: { signals: [] } } });
    const request = requestOf({ options: { kind: 'logistic' } });
    const model = await loadModel(request, before.model.save());
    expect(model.examples).toBe(1000);
    expect(model.predictMany([drifting[0]!.features])).toEqual(before.model.predictMany([drifting[0]!.features]));
    expect(model.takeAlarms?.()).toEqual([]);
    const back = await loadModel(requestOf({ options: { kind: 'logistic', drift: { signals: [] } } }), model.save());
    expect(Buffer.compare(back.save(), before.model.save())).toBe(0);
  });

  test('other options of drift start what watches anew, and leave the model', async () => {
    const { model } = await run(drifting.slice(0, 4000), {
      options: { kind: 'naive_bayes', drift: { action: 'adapt' } },
    });
    const request = requestOf({ options: { kind: 'naive_bayes', drift: { detector: { name: 'ddm' } } } });
    const other = await loadModel(request, model.save());
    expect(other.predictMany([drifting[0]!.features])).toEqual(model.predictMany([drifting[0]!.features]));
    expect(other.examples).toBe(4000);
  });
});

describe('options of drift', () => {
  test.each([
    [{ detector: { name: 'ddm' } }, numberLabel, /counts errors, and numbers are never simply wrong/],
    [{ action: 'adapt', signals: [] }, booleanLabel, /acts on the signal "loss", which is not watched/],
    [{ action: 'adapt', signals: ['features'] }, booleanLabel, /acts on the signal "loss", which is not watched/],
    [{ detector: { name: 'adwn' } }, booleanLabel, /"drift.detector.name" is not valid/],
    [{ detector: { name: 'adwin', dleta: 1 } }, booleanLabel, /unknown model option "dleta" in "drift.detector"/],
    [{ actions: 'adapt' }, booleanLabel, /unknown model option "actions" in "drift"/],
  ])('%j is refused', async (drift, label, message) => {
    await expect(createModel(requestOf({ options: { kind: 'auto', drift }, label }))).rejects.toThrow(message);
  });

  test('another model beside is refused of a kind that must load something first', async () => {
    const options = { kind: 'tensorflow', drift: { action: 'adapt' } };
    await expect(createModel(requestOf({ options }))).rejects.toThrow(
      'model option "drift.action": "adapt" is not supported by the kind "tensorflow"',
    );
  });
});
