// How fast a net learns: steps of 9-128-256-128-1 over batches of 32 with Adam, by our kernel, by the same in plain loops, and by
// TensorFlow.js on WebAssembly and, where @tensorflow/tfjs-node is installed (or found by NODE_PATH), natively. And what the kind `neural`
// makes of it, rows and batches included.

import { createRequire } from 'node:module';
import { createModel } from '../src/model/create-model.ts';
import type { Arithmetic } from '../src/model/net/arithmetic.ts';
import { Net, type SparseRow } from '../src/model/net/net.ts';
import { PlainArithmetic } from '../src/model/net/plain-arithmetic.ts';
import { openArithmetic } from '../src/model/net/wasm-arithmetic.ts';
import { Random } from '../src/model/random.ts';
import { openTensorFlow, type TensorFlow } from '../src/model/tensorflow/runtime.ts';
import type { Figure } from './figure.ts';

const INPUTS = 9;
const HIDDEN = [128, 256, 128];
const BATCH = 32;
const NATIVE = '@tensorflow/tfjs-node';

export async function measure(): Promise<Figure[]> {
  const rows = batch();
  const kernel = await fastest(300, ours(openArithmetic(), rows));
  const plain = await fastest(40, ours(new PlainArithmetic(), rows));
  const wasm = await fastest(60, theirs(await tensorFlow(false), rows));
  const figures: Figure[] = [
    beside('plain loops', kernel, plain),
    beside('TensorFlow.js, WebAssembly', kernel, wasm),
    ...(await learned()),
  ];
  const native = await tensorFlow(true).catch((error: unknown) => console.error(String(error)));
  if (native?.backend === 'tensorflow')
    figures.push(beside('TensorFlow.js, native', kernel, await fastest(150, theirs(native, rows))));
  else console.error(`${NATIVE} is not installed: nothing to compare natively.`);
  return figures;
}

function beside(peer: string, ms: number, peerMs: number): Figure {
  const name = `neural, a step: beside ${peer}`;
  return { name, value: ms, unit: 'ms', peer: peerMs, ratio: peerMs / ms };
}

/**
 * Milliseconds of the fastest of so many steps, after a tenth of them that do not count: what others do on the machine meanwhile makes
 * the long steps longer, the short ones not.
 */
async function fastest(steps: number, step: () => unknown): Promise<number> {
  let least = Infinity;
  for (let i = -Math.ceil(steps / 10); i < steps; i++) {
    const started = performance.now();
    await step();
    if (i >= 0) least = Math.min(least, performance.now() - started);
  }
  return least;
}

function batch(): { readonly row: SparseRow; readonly y: number }[] {
  const random = new Random(1);
  return Array.from({ length: BATCH }, (_, i) => {
    const values = Float32Array.from({ length: INPUTS }, () => random.uniform() * 2 - 1);
    return { row: { length: INPUTS, indexes: Int32Array.from(values, (_, k) => k), values }, y: i % 2 };
  });
}

function ours(arithmetic: Arithmetic, rows: ReturnType<typeof batch>): () => void {
  const shape = { inputs: INPUTS, hidden: HIDDEN, outputs: 1, rows: BATCH };
  const net = Net.create(shape, 'relu', INPUTS, new Random(2), arithmetic);
  const options = { lr: 0.001, beta_1: 0.9, beta_2: 0.999, eps: 1e-8, l2: 0, clip: 1 };
  return () => {
    for (const [i, { row }] of rows.entries()) net.setRow(i, row);
    net.forward(BATCH);
    net.clearSlopes();
    for (const [i, { y }] of rows.entries()) net.setSlope(i, 0, (1 / (1 + Math.exp(-net.output(i, 0))) - y) / BATCH);
    net.backward(BATCH);
    net.step(options);
  };
}

/** As a user of TensorFlow.js would: a compiled model and trainOnBatch. */
function theirs({ core, layers, backend }: TensorFlow, rows: ReturnType<typeof batch>): () => Promise<unknown> {
  const model = layers.sequential();
  for (const [l, units] of HIDDEN.entries())
    model.add(
      layers.layers.dense({
        name: `${backend}_${l}`,
        units,
        activation: 'relu',
        ...(l === 0 && { inputShape: [INPUTS] }),
      }),
    );
  model.add(layers.layers.dense({ name: `${backend}_outputs`, units: 1, activation: 'sigmoid' }));
  model.compile({ optimizer: core.train.adam(0.001), loss: 'binaryCrossentropy' });
  const values = rows.map(({ row }) => [...row.values]);
  const truth = rows.map(({ y }) => [y]);
  return async () => {
    const [x, y] = [core.tensor2d(values), core.tensor2d(truth)];
    await model.trainOnBatch(x, y);
    core.dispose([x, y]);
  };
}

function tensorFlow(native: boolean): Promise<TensorFlow> {
  const require = createRequire(import.meta.url);
  const path = (name: string): string | undefined => {
    if (name === NATIVE && !native) return undefined;
    try {
      return require.resolve(name);
    } catch {
      return undefined;
    }
  };
  return openTensorFlow({ path, load: (found) => require(found) as unknown });
}

/** Rows as a pipeline gives them, scored and learned: three steps for each 32 of them. */
async function learned(): Promise<Figure[]> {
  const names = Array.from({ length: INPUTS }, (_, k) => `x${k}`);
  const model = await createModel({
    options: { kind: 'neural', hidden: HIDDEN, batch: BATCH, epochs: 3, lr: 0.001 },
    features: names.map((name) => ({ name, typeOid: 701, type: 'double precision' })),
    label: { name: 'label', typeOid: 16, type: 'boolean' },
    seed: 1,
  });
  const random = new Random(3);
  const rows = Array.from({ length: 3200 }, () => {
    const features = Object.fromEntries(names.map((name) => [name, random.uniform()]));
    return { features, target: Number(features['x0']! > features['x1']!), weight: 1 };
  });
  const started = performance.now();
  for (const row of rows) {
    model.predictMany([row.features]);
    model.learn(row);
  }
  const us = ((performance.now() - started) * 1000) / rows.length;
  return [
    { name: 'neural, the same net as a model with 3 epochs: predict and learn', value: us, unit: 'µs per event' },
    { name: 'neural, state', value: model.save().length, unit: 'bytes' },
  ];
}
