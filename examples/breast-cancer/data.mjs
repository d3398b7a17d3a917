// The rows, their split, and both models' options: for run.mjs and for the test.

import { readFileSync } from 'node:fs';
import path from 'node:path';

/** By pipeline. A version is saved every 100 examples, and when the sink ends. */
export const MODELS = {
  breast_cancer_neural: { kind: 'neural', hidden: [128, 256, 128], batch: 32, epochs: 3, lr: 0.001, save_every: 100 },
  breast_cancer_tensorflow: {
    kind: 'tensorflow',
    layers: [128, 256, 128].map((units) => ({ class: 'Dense', units, activation: 'relu' })),
    inputs: 30,
    batch: 32,
    epochs: 3,
    lr: 0.001,
    save_every: 100,
  },
};

/** `names` of the 30 measures; each row an id from 1, its values, and whether the tumour was benign. */
export function readRows() {
  const [header, ...lines] = readFileSync(path.join(import.meta.dirname, 'breast_cancer.csv'), 'utf8')
    .trim()
    .split(/\r?\n/);
  const rows = lines.map((line, i) => {
    const cells = line.split(',').map(Number);
    return { id: i + 1, values: cells.slice(0, -1), benign: cells.at(-1) === 1 };
  });
  return { names: header.split(',').slice(0, -1), rows };
}

/** 400 rows to learn and the 169 others, shuffled by that seed (Fisher, Yates; mulberry32). */
export function split(rows, seed) {
  const shuffled = [...rows];
  let state = seed | 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
  }
  return { training: shuffled.slice(0, 400), others: shuffled.slice(400) };
}
