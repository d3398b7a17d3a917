import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import { KINDS } from '../../src/model/kinds/registry.ts';
import { Ftrl } from '../../src/model/optimizers/ftrl.ts';
import { targetOf } from '../../src/model/target.ts';
import { booleanLabel, floatColumns, numberLabel, phishing, requestFor, textLabel } from './phishing.ts';

const columns = floatColumns(['amount', 'count']);

async function refusal(options: Record<string, unknown>, label: typeof booleanLabel | undefined = booleanLabel) {
  const error = await createModel({ ...requestFor(columns, options), label }).then(
    () => undefined,
    (reason: unknown) => reason as { code: string; message: string; hint: string },
  );
  expect(error?.code).toBe('MODEL_INVALID');
  return `${error!.message}. ${error!.hint}`;
}

describe('model options that are not valid are refused with what would be', () => {
  test('an unknown kind', async () => {
    expect(await refusal({ kind: 'logistc' })).toBe(
      `unknown model kind "logistc". Did you mean "logistic"? Valid kinds: ${KINDS.join(', ')}.`,
    );
  });

  test('an unknown option, with the nearest name', async () => {
    expect(await refusal({ intercept_rl: 1 })).toMatch(
      /^unknown model option "intercept_rl"\. Did you mean "intercept_lr"\? Valid options: kind, save_every, .*, intercept_lr, .*, class_weights\.$/,
    );
    expect(await refusal({ optimizer: { name: 'adam', beta1: 0.8 } })).toBe(
      'unknown model option "beta1" in "optimizer". Did you mean "beta_1"? Valid options in "optimizer": name, lr, beta_1, beta_2, eps.',
    );
    expect(await refusal({ encode: { clipp: 3 } })).toContain('Did you mean "clip"?');
    expect(await refusal({ encode: { features: { amount: { as_: 'number' } } } })).toContain(
      'Valid options in "encode.features.amount": as, scale, standardise, categories, max_values, dimensions, smoothing, unit, n, lower_case, max_length, norm, missing.',
    );
  });

  test('a feature to measure by that there is not', async () => {
    expect(await refusal({ metrics_by: 'ammount' })).toBe(
      'model option "metrics_by" names "ammount", which is no feature. Did you mean "amount"? Features are amount, count.',
    );
  });

  test('a value out of range or of another type', async () => {
    expect(await refusal({ l2: -1 })).toContain('model option "l2" is not valid');
    expect(await refusal({ optimizer: { name: 'sgd', lr: 'fast' } })).toContain(
      'model option "optimizer.lr" is not valid',
    );
    expect(await refusal({ optimizer: { name: 'sdg' } })).toContain('model option "optimizer.name" is not valid');
    expect(await refusal({ save_every: 0 })).toContain('"save_every"');
    expect(await refusal({ kind: 7 })).toContain('Valid kinds');
  });

  test('options that the others leave without effect', async () => {
    const number = (options: Record<string, unknown>) => refusal(options, numberLabel);
    for (const own of [{ optimizer: { name: 'adam' } }, { l2: 0.1 }, { method: 'gradient', forgetting: 0.99 }])
      expect(await number({ kind: 'autoregression', ...own })).toContain('"forgetting" with "least_squares"');
    expect(await number({ kind: 'holt_winters', gamma: 0.5 })).toContain('"gamma" is not valid: it is the share');
    for (const kind of ['hoeffding_tree', 'hoeffding_adaptive_tree', 'adaptive_forest']) {
      expect(await refusal({ kind, leaf: 'mean' })).toBe(
        'model option "leaf" is "mean", which only leaves for numbers have. Leave it out, or give "naive_bayes" or "counts".',
      );
      expect(await number({ kind, leaf: 'counts' })).toContain('which only leaves for classes have');
    }
    const limits = { amuont: [0, 1] };
    const anomalies = requestFor(columns, { kind: 'half_space_trees', limits });
    await expect(createModel(anomalies)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: 'model option "limits" names "amuont", which is no feature of numbers',
      hint: 'Did you mean "amount"? Features of numbers: amount, count.',
    });
    expect(await refusal({ kind: 'tensorflow', momentum: 0.9 })).toContain('it goes with "optimizer": "sgd"');
    const layers = [{ class: 'Dense', units: 2, input_shape: [2] }];
    expect(await refusal({ kind: 'tensorflow', layers, inputs: 9 })).toContain('by its "input_shape"');
  });

  test('options that do not go together', async () => {
    expect(await refusal({ l1: 0.1, optimizer: { name: 'ftrl' } })).toContain(
      'model option "l1" is not valid: "ftrl" has an l1 of its own, give it in "optimizer"',
    );
    expect(await refusal({ importance: 'invariant', optimizer: { name: 'adam' } })).toContain(
      '"invariant" has a closed form for the optimizer "sgd" only',
    );
    expect(await refusal({ class_weights: { tru: 2 } })).toBe(
      'model option "class_weights" names "tru", which is no class here. Did you mean "true"? Valid classes: "true", "false".',
    );
    expect(await refusal({ kind: 'passive_aggressive', class_weights: { true: 2 } }, numberLabel)).toContain(
      '"class_weights" needs a label with classes',
    );
    expect(await refusal({ kind: 'quantile', quantiles: [0.5, 0.5] }, numberLabel)).toContain('no quantile twice');
    expect(await refusal({ kind: 'passive_aggressive', variant: 'pa3' })).toContain('"variant" is not valid');
  });

  test('an override for a feature that does not exist', async () => {
    expect(await refusal({ encode: { features: { amuont: { as: 'ignore' } } } })).toContain('Did you mean "amount"?');
  });

  test('a label that the kind does not learn', async () => {
    expect(await refusal({ kind: 'auto' }, { name: 'label', typeOid: 3802, type: 'jsonb' })).toContain(
      '"auto" needs a boolean or numeric or text or integer label, the label view gives jsonb',
    );
    expect(await refusal({ kind: 'logistic' }, numberLabel)).toContain('"logistic" needs a boolean label');
    expect(await refusal({ kind: 'linear' })).toContain('"linear" needs a numeric label, the label view gives boolean');
    expect(await refusal({ kind: 'softmax' })).toContain('"softmax" needs a text or integer label');
    expect(await refusal({ kind: 'quantile' }, textLabel)).toContain('"quantile" needs a numeric label');
    expect(await refusal({ kind: 'passive_aggressive' }, textLabel)).toContain('needs a boolean or numeric label');
    const none = { ...requestFor(columns), label: undefined };
    await expect(createModel(none)).rejects.toThrow(/"logistic" learns from labels, and there is no label view/);
    expect((await createModel({ ...none, options: { kind: 'auto' } })).kind).toBe('half_space_trees');
  });
});

describe('an integer label', () => {
  const label = { name: 'label', typeOid: 23, type: 'integer' };
  const learnt = async (options: Record<string, unknown>) => {
    const model = await createModel({ ...requestFor(columns, options), label });
    model.learn({ features: { amount: 1 }, target: 7, label: '7', weight: 1 });
    const { score, prediction, outputs } = model.predictMany([{ amount: 1 }])[0]!;
    return { task: model.task, score, prediction, ...(outputs && { outputs }) };
  };

  test('is a number, a class where the kind learns no numbers or the options say so', async () => {
    expect(await learnt({ kind: 'hoeffding_tree' })).toEqual({ task: 'regression', score: 7, prediction: '7' });
    const one = { task: 'multiclass', score: 1, prediction: '7', outputs: { 7: 1 } };
    expect(await learnt({ kind: 'hoeffding_tree', task: 'multiclass' })).toEqual(one);
    expect(await learnt({ kind: 'naive_bayes' })).toEqual(one);
    expect(await learnt({ kind: 'softmax' })).toEqual(one);
  });

  test('is not learned as what it cannot be', async () => {
    expect(await refusal({ kind: 'hoeffding_tree', task: 'binary' }, label)).toBe(
      'model option "task" is "binary", which a label of type integer is not learned as. Valid here: "regression", "multiclass".',
    );
  });
});

describe('kinds', () => {
  test('auto takes the options that its candidates share, and is one kind alone with the options of one', async () => {
    const auto = await createModel(requestFor(columns, { kind: 'auto', budget: 9, update: 'on_label' }));
    expect([auto.task, auto.race?.length]).toEqual(['binary', 9]);
    const one = await createModel(requestFor(columns, { kind: 'auto', l2: 0.1 }));
    expect([one.kind, one.race]).toEqual(['logistic', undefined]);
    const number = { ...requestFor(columns, { kind: 'auto', optimizer: { name: 'adam' } }), label: numberLabel };
    expect((await createModel(number)).kind).toBe('linear');
    expect(await refusal({ kind: 'auto', budgets: 9 })).toContain('Did you mean "budget"?');
  });

  test('none scores nothing, counts examples, and is saved', async () => {
    const request = { ...requestFor(columns, { kind: 'none' }), label: undefined };
    const model = await createModel(request);
    expect(model.predictMany([{ amount: 1 }])).toEqual([{ score: null, prediction: null }]);
    model.learn({ features: {}, target: 1, weight: 1 });
    expect((await loadModel(request, model.save())).examples).toBe(1);
    expect(model.explain({}, 3)).toEqual({ bias: 0, contributions: [] });
    await expect(createModel({ ...request, options: { kind: 'none', lr: 1 } })).rejects.toThrow(
      /unknown model option "lr"/,
    );
  });

  test('settings have their defaults and can be given', async () => {
    expect((await createModel(requestFor(columns))).settings).toEqual({
      saveEvery: 5000,
      keepVersions: 20,
      explain: 'alerts',
      explainTop: 3,
    });
    const given = await createModel(requestFor(columns, { save_every: 7, explain: 'all', explain_top: 2 }));
    expect(given.settings).toEqual({ saveEvery: 7, keepVersions: 20, explain: 'all', explainTop: 2 });
  });

  test('another optimizer goes on from the weights that the first one learned', async () => {
    const { columns: names, rows } = phishing();
    const others = [
      { name: 'adagrad' },
      { name: 'adam', lr: 0.01 },
      { name: 'ftrl' },
      { name: 'ftrl', beta: 0, l2: 0 },
      { name: 'ftrl', beta: 0, l2: 0, order: 'paper' },
    ];
    for (const optimizer of others) {
      const model = await createModel(requestFor(names));
      for (const row of rows) model.learn({ ...row, weight: 1 });
      const changed = await loadModel(requestFor(names, { optimizer }), model.save());
      const features = rows.map((row) => row.features);
      expect(changed.predictMany(features)).toEqual(model.predictMany(features));
      let right = 0;
      for (const row of rows) {
        right += Number(changed.predictMany([row.features])[0]!.prediction === String(row.target === 1));
        changed.learn({ ...row, weight: 1 });
      }
      expect(right / rows.length, JSON.stringify(optimizer)).toBeGreaterThan(0.88);
    }
  });
});

test('FTRL holds weights that it took over, also where nothing else holds them', () => {
  for (const order of ['river', 'paper'] as const)
    for (const l1 of [0, 0.5]) {
      const ftrl = new Ftrl({ alpha: 0.05, beta: 0, l1, l2: 0, order });
      ftrl.grow(2);
      ftrl.adopt(Float64Array.of(1.5, -0.01), 2);
      expect(ftrl.step(0, 1.5, 0), `${order} ${l1}`).toBeCloseTo(1.5, 12);
      expect(ftrl.step(1, -0.01, 0), `${order} ${l1}`).toBeCloseTo(-0.01, 12);
    }
});

test('a score of exactly 0.5 is predicted false, as in River', async () => {
  const model = await createModel(requestFor(columns));
  expect(model.predictMany([{}])).toEqual([{ score: 0.5, prediction: 'false' }]);
});

test('a label is read as Postgres casts it to text', () => {
  expect(['true', 'false', 'maybe', ''].map((text) => targetOf('binary', text))).toEqual([1, 0, NaN, NaN]);
  expect(['a', '', 'é'.repeat(200), 'é'.repeat(201)].map((text) => targetOf('multiclass', text))).toEqual([
    0,
    0,
    0,
    NaN,
  ]);
  expect(['12.50', '-3', 'NaN', ''].map((text) => targetOf('regression', text))).toEqual([12.5, -3, NaN, NaN]);
});
