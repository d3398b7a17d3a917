import { describe, expect, test } from 'vitest';
import type { Calibrator } from '../../../src/model/calibration/calibrator.ts';
import { logOdds, sigmoid } from '../../../src/model/calibration/log-odds.ts';
import { Piecewise } from '../../../src/model/calibration/piecewise.ts';
import { Platt } from '../../../src/model/calibration/platt.ts';
import { UnderSampling } from '../../../src/model/calibration/under-sampling.ts';
import { createModel, loadModel } from '../../../src/model/create-model.ts';
import { binaryQuality } from '../../../src/model/metrics/binary-tally.ts';
import type { Model } from '../../../src/model/model.ts';
import { StateReader, StateWriter } from '../../../src/model/saved-state.ts';
import { numberLabel, phishing, requestFor, type LabelledRow } from '../phishing.ts';
import { seeded } from '../seeded.ts';

const CALIBRATORS: readonly (readonly [string, () => Calibrator])[] = [
  ['platt', () => new Platt()],
  ['piecewise', () => new Piecewise()],
];

/** Scores, and truths of another probability. */
function taught(calibrator: Calibrator, truth: (score: number) => number, count: number, seed: number): Calibrator {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    const score = random();
    calibrator.learn(score, Number(random() < truth(score)), 1);
  }
  return calibrator;
}

describe.each(CALIBRATORS)('calibration by %s', (_, make) => {
  test('leaves scores as they are before the first label', () => {
    for (const p of [1e-6, 0.1, 0.5, 0.9, 1 - 1e-6]) expect(make().apply(p)).toBeCloseTo(p, 12);
  });

  test('finds how log-odds were stretched and moved', () => {
    const truth = (score: number) => sigmoid(0.5 * logOdds(score) - 1);
    const calibrator = taught(make(), truth, 20_000, 1);
    for (const score of [0.05, 0.2, 0.5, 0.8, 0.95])
      expect(Math.abs(calibrator.apply(score) - truth(score)), String(score)).toBeLessThan(0.04);
  });

  test('scores that were right stay nearly as they are', () => {
    const calibrator = taught(make(), (score) => score, 20_000, 2);
    for (const score of [0.05, 0.2, 0.5, 0.8, 0.95])
      expect(Math.abs(calibrator.apply(score) - score), String(score)).toBeLessThan(0.04);
  });

  test('never puts scores into another order, whatever it was taught', () => {
    for (let seed = 1; seed <= 5; seed++) {
      // Upside down, which only a falling line would mend.
      const calibrator = taught(make(), (score) => 1 - score, 300 * seed, seed);
      let before = -1;
      for (let i = 0; i <= 1_000; i++) {
        const now = calibrator.apply(i / 1_000);
        expect(now).toBeGreaterThanOrEqual(before);
        expect(now >= 0 && now <= 1).toBe(true);
        before = now;
      }
    }
  });

  test('stays finite with scores of 0 and 1 that are wrong, and with huge weights', () => {
    const calibrator = make();
    for (let i = 0; i < 2_000; i++) calibrator.learn(i % 2, (i + 1) % 2, i % 7 === 0 ? 1e100 : 1);
    for (const p of [0, 0.3, 1]) expect(Number.isFinite(calibrator.apply(p))).toBe(true);
  });

  test('saved and loaded, goes on with the same bits', () => {
    const truth = (score: number) => score ** 2;
    const whole = taught(taught(make(), truth, 500, 3), truth, 500, 4);
    const writer = new StateWriter('calibration');
    taught(make(), truth, 500, 3).save(writer);
    const resumed = make();
    resumed.load(new StateReader(writer.finish(), 'calibration'));
    taught(resumed, truth, 500, 4);
    for (let i = 0; i <= 100; i++) expect(resumed.apply(i / 100)).toBe(whole.apply(i / 100));
  });
});

test('piecewise finds what no stretching of log-odds can', () => {
  const truth = (score: number) => (score < 0.5 ? 0.1 : 0.7);
  const calibrator = taught(new Piecewise(), truth, 20_000, 5);
  const platt = taught(new Platt(), truth, 20_000, 5);
  const off = (one: Calibrator) =>
    [0.1, 0.3, 0.7, 0.9].reduce((sum, score) => sum + Math.abs(one.apply(score) - truth(score)), 0) / 4;
  expect(off(calibrator)).toBeLessThan(0.04);
  expect(off(platt)).toBeGreaterThan(0.08);
});

describe('under-sampling', () => {
  test.each([1, 0])('takes every one of the rare class (%i), and of the frequent as many as the ratio says', (rare) => {
    const random = seeded(6);
    const sampling = new UnderSampling(5, 1);
    const taken = [0, 0];
    let rares = 0;
    for (let i = 0; i < 50_000; i++) {
      const target = random() < 0.02 ? rare : 1 - rare;
      if (target === rare) rares += 1;
      if (sampling.takes(target)) taken[target]! += 1;
    }
    // But for the first few, when it is not known yet which one is rare.
    expect(rares - taken[rare]!).toBeLessThanOrEqual(2);
    expect(taken[1 - rare]! / taken[rare]!).toBeGreaterThan(4.5);
    expect(taken[1 - rare]! / taken[rare]!).toBeLessThan(6.5);
  });

  test('takes the first of either class however few it is to take, so that no score is NaN', () => {
    for (let seed = 0; seed < 50; seed++)
      for (const targets of [[0], [1], [0, 1], [1, 0]]) {
        const sampling = new UnderSampling(0.1, seed);
        expect(targets.map((target) => sampling.takes(target))).toEqual(targets.map(() => true));
        expect([0, 0.5, 1].map((p) => sampling.correct(p)).every((p) => p >= 0 && p <= 1)).toBe(true);
      }
  });

  test('goes on from a state in which none of a class was taken', () => {
    const writer = new StateWriter('before');
    writer.u32(1);
    writer.floats(Float64Array.of(3, 2));
    writer.floats(Float64Array.of(0, 2));
    const sampling = new UnderSampling(0.1, 1);
    sampling.load(new StateReader(writer.finish(), 'before'));
    expect([0, 1].map((p) => sampling.correct(p))).toEqual([0, 1]);
  });

  test('gives the probability among all from the one among those that were taken', () => {
    const random = seeded(7);
    const sampling = new UnderSampling(3, 1);
    // Two groups of rows, with their own shares of true ones; what was taken of them is what a model would learn.
    const groups = [0.002, 0.05].map((rate) => ({ rate, trues: 0, taken: 0 }));
    for (let i = 0; i < 200_000; i++) {
      const group = groups[i % 2]!;
      const target = Number(random() < group.rate);
      if (!sampling.takes(target)) continue;
      group.taken += 1;
      group.trues += target;
    }
    for (const { rate, trues, taken } of groups) {
      expect(trues / taken).toBeGreaterThan(rate * 3);
      expect(Math.abs(sampling.correct(trues / taken) / rate - 1)).toBeLessThan(0.15);
    }
    expect([sampling.correct(0), sampling.correct(1)]).toEqual([0, 1]);
  });
});

interface Run {
  readonly scores: Float64Array;
  readonly model: Model;
}

async function run(options: Record<string, unknown>, rows: readonly LabelledRow[], model?: Model): Promise<Run> {
  const { columns } = phishing();
  const one = model ?? (await createModel(requestFor(columns, options)));
  const scores = Float64Array.from(rows, (row) => {
    const score = one.predictMany([row.features])[0]!.score!;
    one.learn({ ...row, weight: 1 });
    return score;
  });
  return { scores, model: one };
}

function figures(scores: Float64Array, rows: readonly LabelledRow[]): Record<string, number> {
  const targets = Float64Array.from(rows, ({ target }) => target);
  return Object.fromEntries(binaryQuality(scores, targets).values.map(({ metric, value }) => [metric, value!]));
}

describe('a model that is calibrated', () => {
  test.each([
    [{ kind: 'logistic' }, 'platt', 0.03],
    [{ kind: 'logistic' }, 'piecewise', 0.03],
    [{ kind: 'naive_bayes' }, 'piecewise', 0.035],
    [{ kind: 'passive_aggressive', c: 0.01 }, 'platt', 0.06],
  ])('%j by %s says on phishing what then comes true, with a lower log loss', async (options, calibrate, most) => {
    const { rows } = phishing();
    const raw = figures((await run(options, rows)).scores, rows);
    const calibrated = figures((await run({ ...options, calibrate }, rows)).scores, rows);
    expect(calibrated['ece']).toBeLessThan(most);
    expect(calibrated['ece']).toBeLessThan(raw['ece']! / 2);
    expect(calibrated['log_loss']).toBeLessThan(raw['log_loss']!);
    expect(calibrated['accuracy']).toBeGreaterThan(raw['accuracy']! - 0.01);
  });

  test('takes class weights out of its probabilities again', async () => {
    const { rows } = phishing();
    const weighted = { kind: 'logistic', class_weights: { true: 20 } };
    const raw = figures((await run(weighted, rows)).scores, rows);
    const calibrated = figures((await run({ ...weighted, calibrate: 'platt' }, rows)).scores, rows);
    expect(raw['ece']).toBeGreaterThan(0.2);
    expect(calibrated['ece']).toBeLessThan(0.1);
  });

  test.each([
    { calibrate: 'platt' },
    { calibrate: 'piecewise', under_sample: { ratio: 0.5 } },
    { under_sample: { ratio: 0.5 }, kind: 'hoeffding_tree' },
    { under_sample: { ratio: 0.5 }, calibrate: 'piecewise', kind: 'auto' },
  ])('saved and loaded in between with %j, goes on bit for bit', async (more) => {
    const options = { kind: 'logistic', ...more };
    const { columns, rows } = phishing();
    const whole = await run(options, rows);
    for (const at of [0, 1, 600, 1_249]) {
      const half = await run(options, rows.slice(0, at));
      const resumed = await loadModel(requestFor(columns, options), half.model.save());
      const rest = await run(options, rows.slice(at), resumed);
      expect(rest.scores).toEqual(whole.scores.subarray(at));
      expect(Buffer.from(resumed.save()).equals(Buffer.from(whole.model.save()))).toBe(true);
    }
  });

  test('one that was not goes on calibrated, and the other way round, with all that it learned', async () => {
    const { columns, rows } = phishing();
    const plain = await run({ kind: 'logistic' }, rows);
    const later = await loadModel(requestFor(columns, { kind: 'logistic', calibrate: 'platt' }), plain.model.save());
    const probe = rows.slice(0, 50).map(({ features }) => features);
    const said = (model: Model) => model.predictMany(probe).map(({ score }) => score!);
    for (const [i, score] of said(later).entries()) expect(score).toBeCloseTo(said(plain.model)[i]!, 12);
    const calibrated = await run({ kind: 'logistic', calibrate: 'platt', under_sample: { ratio: 100 } }, rows);
    const bare = await loadModel(requestFor(columns, { kind: 'logistic' }), calibrated.model.save());
    expect(said(bare)).toEqual(said(plain.model));
    const other = await loadModel(
      requestFor(columns, { kind: 'logistic', calibrate: 'piecewise' }),
      calibrated.model.save(),
    );
    for (const [i, score] of said(other).entries()) expect(score).toBeCloseTo(said(plain.model)[i]!, 12);
  });

  test('of auto is of what its candidates say together: to the stream as it is, where only a share of it is learned', async () => {
    const random = seeded(8);
    const rows: LabelledRow[] = Array.from({ length: 6_000 }, () => {
      const x = random();
      const target = Number(random() < 0.002 + 0.15 * x ** 4);
      return { features: { x, y: random() }, target };
    });
    const columns = ['x', 'y'].map((name) => ({ name, typeOid: 701, type: 'double precision' }));
    const said = async (more: object) => {
      const model = await createModel({ ...requestFor(columns, { kind: 'auto', ...more }), seed: 3 });
      const scores = new Float64Array(rows.length);
      for (const [i, { features, target }] of rows.entries()) {
        scores[i] = model.predictMany([features])[0]!.score!;
        model.learn({ features, target, weight: 1 });
      }
      const late = 2_000;
      const quality = binaryQuality(
        scores.subarray(late),
        Float64Array.from(rows.slice(late), ({ target }) => target),
      );
      return new Map(quality.values.map(({ metric, value }) => [metric, value!]));
    };
    const plain = await said({});
    for (const more of [
      { under_sample: { ratio: 3 } },
      { calibrate: 'piecewise' },
      { under_sample: { ratio: 3 }, calibrate: 'platt' },
    ]) {
      const corrected = await said(more);
      expect(corrected.get('ece')).toBeLessThan(0.02);
      expect(corrected.get('log_loss')).toBeLessThan(1.1 * plain.get('log_loss')!);
      expect(corrected.get('roc_auc')).toBeGreaterThan(plain.get('roc_auc')! - 0.05);
    }
    const weighted = await said({ class_weights: { true: 20 } });
    const mended = await said({ class_weights: { true: 20 }, calibrate: 'platt' });
    expect(weighted.get('ece')).toBeGreaterThan(0.1);
    expect(mended.get('ece')).toBeLessThan(0.03);
  });

  test('of auto goes on from a state without, and is left behind where it is not asked for any more', async () => {
    const { columns, rows } = phishing();
    const plain = await run({ kind: 'auto' }, rows.slice(0, 300));
    const asked = requestFor(columns, { kind: 'auto', calibrate: 'platt', under_sample: { ratio: 1 } });
    const later = await loadModel(asked, plain.model.save());
    const probe = rows.slice(300, 350).map(({ features }) => features);
    const said = (model: Model) => model.predictMany(probe).map(({ score }) => score!);
    for (const [i, score] of said(later).entries()) expect(score).toBeCloseTo(said(plain.model)[i]!, 12);
    for (const row of rows.slice(300, 500)) later.learn({ ...row, weight: 1 });
    const again = await loadModel(asked, later.save());
    expect(said(again)).toEqual(said(later));
    const bare = await loadModel(requestFor(columns, { kind: 'auto' }), later.save());
    expect(said(bare)).not.toEqual(said(later));
    expect(Buffer.from((await loadModel(requestFor(columns, { kind: 'auto' }), bare.save())).save())).toEqual(
      Buffer.from(bare.save()),
    );
  });

  test('needs a boolean label', async () => {
    const { columns } = phishing();
    for (const [options, name] of [
      [{ calibrate: 'platt' }, 'calibrate'],
      [{ under_sample: { ratio: 1 } }, 'under_sample'],
    ] as const) {
      const request = { ...requestFor(columns, { kind: 'linear', ...options }), label: numberLabel };
      await expect(createModel(request)).rejects.toMatchObject({
        code: 'MODEL_INVALID',
        message: `model option "${name}" needs a boolean label`,
      });
    }
  });
});
