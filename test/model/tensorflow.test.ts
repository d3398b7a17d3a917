import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import type { FeatureRow, Model, ModelRequest } from '../../src/model/model.ts';
import { loadTensorFlow, openTensorFlow } from '../../src/model/tensorflow/runtime.ts';
import { booleanLabel, floatColumns, numberLabel, phishing, requestFor, textLabel } from './phishing.ts';
import { seeded } from './seeded.ts';

const { columns, rows } = phishing();

function tensorflow(options: object = {}, features = columns): ModelRequest {
  return { ...requestFor(features, { kind: 'tensorflow', ...options }), label: booleanLabel };
}

async function refusal(request: ModelRequest): Promise<{ message: string; hint: string }> {
  const error: unknown = await createModel(request).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'MODEL_INVALID' });
  return error as { message: string; hint: string };
}

const dense = (units: number, more: object = {}) => ({ class: 'Dense', units, activation: 'relu', ...more });

/** A sequence of four numbers in a row; the truth is whether the last is above the first. */
function sequences(count: number) {
  const random = seeded(21);
  return Array.from({ length: count }, () => {
    const values = Array.from({ length: 4 }, () => random() * 2 - 1);
    const features: FeatureRow = Object.fromEntries(values.map((value, i) => [`lag_${i}`, value]));
    return { features, target: Number(values[3]! > values[0]!), weight: 1 };
  });
}
const lags = floatColumns(['lag_0', 'lag_1', 'lag_2', 'lag_3']);

/** Share of right answers over the last half, scored before they are learned. */
async function accuracyOf(model: Model, examples: readonly { features: FeatureRow; target: number; weight: number }[]) {
  let right = 0;
  for (const [i, example] of examples.entries()) {
    const above = model.predictMany([example.features])[0]!.score! > 0.5;
    if (i >= examples.length / 2 && above === (example.target === 1)) right += 1;
    model.learn(example);
  }
  return right / (examples.length / 2);
}

describe('a TensorFlow.js model', () => {
  test('of an LSTM over the columns of a row learns which came first', async () => {
    const layers = [
      { class: 'Reshape', input_shape: [4], target_shape: [4, 1] },
      { class: 'LSTM', units: 8 },
    ];
    const model = await createModel(tensorflow({ layers, lr: 0.02 }, lags));
    expect(await accuracyOf(model, sequences(1200))).toBeGreaterThan(0.85);
  });

  test('of a convolution over the columns of a row learns, too', async () => {
    const layers = [
      { class: 'Reshape', input_shape: [4], target_shape: [4, 1] },
      { class: 'Conv1D', filters: 6, kernel_size: 2, activation: 'relu' },
      { class: 'BatchNormalization', momentum: 0.8 },
      { class: 'Flatten' },
    ];
    const model = await createModel(tensorflow({ layers, lr: 0.02 }, lags));
    expect(await accuracyOf(model, sequences(1200))).toBeGreaterThan(0.85);
  });

  test('of an embedding learns what each category means, and shrugs at one it does not know', async () => {
    const random = seeded(22);
    const examples = Array.from({ length: 1600 }, () => {
      const item = Math.floor(random() * 20);
      return { features: { item: `item ${item}` } as FeatureRow, target: Number((item * 7) % 5 < 2), weight: 1 };
    });
    const features = [{ name: 'item', typeOid: 25, type: 'text' }];
    const encode = { features: { item: { as: 'ordinal', scale: 'none', max_values: 19 } } };
    const layers = [
      { class: 'Embedding', input_dim: 20, output_dim: 4, input_shape: [1] },
      { class: 'Flatten' },
      dense(8),
    ];
    const request = tensorflow({ layers, encode, lr: 0.02 }, features);
    const model = await createModel(request);
    expect(await accuracyOf(model, examples)).toBeGreaterThan(0.9);
    for (const item of ['never seen', null, 'item 3'])
      expect(Number.isFinite(model.predictMany([{ item }])[0]!.score)).toBe(true);
    // Between two codes there is nothing, so all of the score is bias.
    const { bias, contributions } = model.explain({ item: 'item 3' }, 1);
    expect(contributions[0]!.contribution).toBe(0);
    const { score } = model.predictMany([{ item: 'item 3' }])[0]!;
    expect(bias).toBeCloseTo(Math.log(score! / (1 - score!)), 9);
  });

  test('is built from what model.toJSON() gives, whatever its last activation, with several inputs', async () => {
    const { layers: tf } = await loadTensorFlow();
    const [a, b] = [tf.input({ shape: [3] }), tf.input({ shape: [6] })];
    const left = tf.layers.dense({ units: 8, activation: 'tanh' }).apply(a);
    const both = tf.layers.concatenate().apply([left as typeof a, b]);
    const last = tf.layers.dense({ units: 1, activation: 'sigmoid' }).apply(both);
    const model = tf.model({ inputs: [a, b], outputs: last as typeof a });
    for (const topology of [model.toJSON(), model.toJSON(null, false)]) {
      const made = await createModel(tensorflow({ topology, lr: 0.02 }));
      expect(await accuracyOf(made, rows.map((row) => ({ ...row, weight: 1 })).slice(0, 600))).toBeGreaterThan(0.8);
      const names = made.explain(rows[0]!.features, 9).contributions.filter(({ contribution }) => contribution !== 0);
      expect(names.length).toBeGreaterThan(5);
    }
    model.dispose();
  });

  test('goes on bit for bit when it was saved in mid-stream, dropout, momentum, normalisation and waiting examples included', async () => {
    const layers = [dense(12), { class: 'BatchNormalization' }, { class: 'Dropout', rate: 0.3 }, dense(6)];
    for (const optimizer of [{ optimizer: 'adam' }, { optimizer: 'sgd', momentum: 0.5 }]) {
      const request = tensorflow({ layers, ...optimizer, batch: 10, replay: 40 });
      const whole = await createModel(request);
      let parts = await createModel(request);
      for (const [i, row] of rows.slice(0, 200).entries()) {
        if ([0, 7, 55, 183].includes(i)) parts = await loadModel(request, parts.save());
        whole.learn({ ...row, weight: 1 });
        parts.learn({ ...row, weight: 1 });
      }
      expect(Buffer.compare(whole.save(), parts.save())).toBe(0);
      const probe = rows.slice(200, 300).map(({ features }) => features);
      expect(parts.predictMany(probe)).toEqual(whole.predictMany(probe));
    }
  });

  test('keeps no tensor of what it predicts, learns, explains and saves', async () => {
    const { core } = await loadTensorFlow();
    const model = await createModel(tensorflow({ layers: [dense(8), { class: 'Dropout', rate: 0.2 }], batch: 8 }));
    const work = () => {
      for (const row of rows.slice(0, 40)) {
        model.predictMany([row.features]);
        model.learn({ ...row, weight: 1 });
        model.explain(row.features, 3);
      }
      model.save();
    };
    work();
    const before = core.memory().numTensors;
    work();
    expect(core.memory().numTensors).toBe(before);
  });

  test('learns numbers in their own units, and classes as they come', async () => {
    const random = seeded(23);
    const ab = floatColumns(['a', 'b']);
    const number = await createModel({ ...tensorflow({ lr: 0.01 }, ab), label: numberLabel });
    const classes = await createModel({
      ...tensorflow({ lr: 0.01, max_classes: 4 }, ab),
      label: textLabel,
    });
    let error = 0;
    let right = 0;
    for (let i = 0; i < 2000; i++) {
      const [a, b] = [random() * 2 - 1, random() * 2 - 1];
      const [target, label] = [5000 + 100 * a * b, a * b > 0 ? 'same' : 'other'];
      if (i >= 1500) {
        error += Math.abs(number.predictMany([{ a, b }])[0]!.score! - target) / 500;
        right += Number(classes.predictMany([{ a, b }])[0]!.prediction === label) / 500;
      }
      number.learn({ features: { a, b }, target, weight: 1 });
      classes.learn({ features: { a, b }, target: 0, weight: 1, label });
    }
    // The mean of |100ab| is 25.
    expect(error).toBeLessThan(10);
    expect(right).toBeGreaterThan(0.9);
  });
});

describe('a TensorFlow.js model is refused', () => {
  test('with the layer and the width where it has fewer inputs than there are columns', async () => {
    const { message, hint } = await refusal(tensorflow({ layers: [dense(4, { input_shape: [5] })] }));
    expect(message).toBe(
      'layer "dense_1_input" ends the inputs of the net at 5, and the row\'s numbers and booleans are 9',
    );
    expect(hint).toContain('"as": "ignore"');
  });

  test('where a layer takes no vectors, or layers do not fit each other', async () => {
    expect((await refusal(tensorflow({ layers: [{ class: 'LSTM', units: 3, input_shape: [9, 1] }] }))).message).toMatch(
      /layer "lstm_1_input" takes inputs of the shape \[9, 1\].*Reshape/,
    );
    expect((await refusal(tensorflow({ layers: [dense(4), { class: 'LSTM', units: 3 }] }))).message).toMatch(
      /do not fit each other: Input 0 is incompatible with layer lstm_2: expected ndim=3, found ndim=2/,
    );
    expect((await refusal(tensorflow({ layers: [{ class: 'Densse', units: 3 }] }))).message).toMatch(/Densse/);
    expect(
      (await refusal(tensorflow({ layers: [dense(4), { class: 'Embedding', input_dim: 3, output_dim: 2 }] }))).message,
    ).toMatch(/layer "embedding_2" is an Embedding that takes no input of the model/);
    expect(
      (await refusal(tensorflow({ layers: [{ class: 'Reshape', target_shape: [9, 1], input_shape: [9] }, dense(2)] })))
        .message,
    ).toMatch(/layer "outputs" gives the shape \[9, 1\].*Flatten/);
  });

  test('where it gives another number of outputs than the label needs', async () => {
    const topology = (units: number) => ({
      class_name: 'Sequential',
      config: {
        name: 'net',
        layers: [{ class_name: 'Dense', config: { name: 'last', units, batch_input_shape: [null, 9] } }],
      },
    });
    expect((await refusal(tensorflow({ topology: topology(2) }))).message).toMatch(
      /layer "last" gives 2 outputs, 1 is needed/,
    );
    const classes = { ...tensorflow({ topology: topology(3) }), label: textLabel };
    expect((await refusal(classes)).message).toMatch(/layer "last" gives 3 outputs, .*say "max_classes": 3/);
  });

  test('where options contradict each other, or the topology is none', async () => {
    expect((await refusal(tensorflow({ layers: [], topology: {} }))).message).toMatch(/give one of them/);
    expect((await refusal(tensorflow({ topology: '{' }))).message).toMatch(/not JSON/);
    expect((await refusal(tensorflow({ topology: {} }))).message).toMatch(/no "class_name"/);
    const stateful = [
      { class: 'Reshape', target_shape: [9, 1] },
      { class: 'LSTM', units: 2, stateful: true },
    ];
    expect((await refusal(tensorflow({ layers: stateful }))).message).toMatch(/layer "lstm_2" is stateful/);
  });

  test('where the saved net has another shape', async () => {
    const saved = (await createModel(tensorflow({ layers: [dense(4)] }))).save();
    await expect(loadModel(tensorflow({ layers: [dense(5)] }), saved)).rejects.toMatchObject({
      code: 'MODEL_STATE',
      hint: expect.stringContaining('rebuild'),
    });
  });
});

describe('TensorFlow.js', () => {
  const require = createRequire(import.meta.url);

  test('where it is not installed, what to install is said', async () => {
    const nothing = { path: () => undefined, load: require };
    await expect(openTensorFlow(nothing)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      hint: expect.stringContaining(
        'npm install @tensorflow/tfjs-core@4 @tensorflow/tfjs-layers@4 @tensorflow/tfjs-backend-wasm@4',
      ),
    });
  });

  test('is the native one where that is installed', async () => {
    const native = { ready: () => Promise.resolve() };
    const modules = {
      path: (name: string) => (name === '@tensorflow/tfjs-node' ? '/native' : undefined),
      load: () => native,
    };
    expect(await openTensorFlow(modules)).toMatchObject({ backend: 'tensorflow', core: native });
  });

  test('is refused, and not passed over, where the native one is installed and broken', async () => {
    const load = (): unknown => {
      throw new Error('no such library');
    };
    await expect(openTensorFlow({ path: (name) => name, load })).rejects.toMatchObject({
      message: '@tensorflow/tfjs-node is installed and cannot be loaded: no such library',
    });
  });
});
