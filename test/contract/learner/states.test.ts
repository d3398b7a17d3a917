// What every kind's saved state must bear, and what its probabilities must be: beside the contract, for each kind with its defaults.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../../src/model/create-model.ts';
import { LEARNERS } from '../../../src/model/kinds/registry.ts';
import type { LearnedTask, Model, TrainingExample } from '../../../src/model/model.ts';
import { booleanLabel, numberLabel, textLabel } from '../../model/phishing.ts';
import { seeded } from '../../model/seeded.ts';
import { examplesOf, requestOf, type Subject } from './model-contract.ts';
import type { Resumed } from './resume-elsewhere.ts';

const LABELS = { binary: booleanLabel, regression: numberLabel, multiclass: textLabel, anomaly: undefined } as const;

function subjectOf(kind: string, task: LearnedTask): Subject & { readonly task: LearnedTask } {
  const options = kind === 'auto' ? { kind } : { kind, ...SMALL[kind] };
  const beside = { prior: 0, raw: 'value', certain: 0, stateBytes: 0, grows: true } as const;
  return { name: `${kind} (${task})`, task, options, label: LABELS[task], ...beside };
}

/** So that a state is cut at many places in little time. */
const SMALL: Readonly<Record<string, object>> = {
  neural: { hidden: [4] },
  tensorflow: { layers: [{ class: 'Dense', units: 4 }] },
  half_space_trees: { n_trees: 2, height: 4, window_size: 20 },
  mondrian_forest: { trees: 2, max_bytes: 131_072 },
  adaptive_forest: { trees: 2, grace_period: 10 },
};

const SUBJECTS = [
  ...LEARNERS.flatMap((kind) => kind.tasks.map((task) => subjectOf(kind.name, task))),
  ...(['binary', 'regression', 'multiclass'] as const).map((task) => subjectOf('auto', task)),
];

async function trained(subject: Subject, examples: readonly TrainingExample[]): Promise<Model> {
  const model = await createModel(requestOf(subject));
  teach(model, examples);
  return model;
}

function teach(model: Model, examples: readonly TrainingExample[]): void {
  for (const example of examples) {
    model.observe(example.features);
    model.learn(example);
  }
}

/** With a checksum that is right again. */
function signed(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - 4;
  new DataView(bytes.buffer, bytes.byteOffset + end, 4).setUint32(0, crc32(bytes.subarray(0, end)), true);
  return bytes;
}

/** States within a state, each behind its length: where they start and how long they are, the innermost first. */
function within(state: Uint8Array): readonly { readonly from: number; readonly length: number }[] {
  const view = new DataView(state.buffer, state.byteOffset, state.length);
  const found = [];
  for (let at = 4; at + 14 <= state.length; at++) {
    if (view.getUint32(at, true) !== 0x53_52_4c_4d) continue;
    const length = view.getUint32(at - 4, true);
    if (length >= 14 && at + length <= state.length) found.push({ from: at, length });
  }
  return found.sort((a, b) => a.length - b.length);
}

describe.each(SUBJECTS)('a saved $name', (subject) => {
  const saved = async () => (await trained(subject, examplesOf(subject, 120))).save();
  const load = (bytes: Uint8Array) => loadModel(requestOf(subject), bytes);
  const REFUSED = { code: 'MODEL_STATE', hint: expect.stringMatching(/rebuild the pipeline/) as string };

  test('is refused wherever it was cut, though the checksum be right', async () => {
    const state = await saved();
    const random = seeded(1);
    const places = Array.from({ length: 150 }, () => Math.floor(random() * state.length));
    for (const length of [...Array.from({ length: 40 }, (_, i) => i), ...places, state.length - 1])
      await expect(load(state.slice(0, length))).rejects.toMatchObject(REFUSED);
    for (const length of places.filter((length) => length >= 14))
      await expect(load(signed(state.slice(0, length)))).rejects.toMatchObject(REFUSED);
  });

  test('loads or is refused, at once, whatever count in it is absurd', async () => {
    const state = await saved();
    const parts = within(state);
    const random = seeded(2);
    for (let i = 0; i < 150; i++) {
      const spoiled = state.slice();
      const at = 6 + Math.floor(random() * (state.length - 14));
      new DataView(spoiled.buffer).setUint32(at, [0xffff_fff0, 0x3fff_ffff, 0x0010_0000][i % 3]!, true);
      for (const { from, length } of parts) signed(spoiled.subarray(from, from + length));
      const refusal = await load(signed(spoiled)).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal !== undefined) expect(refusal).toMatchObject({ code: 'MODEL_STATE' });
    }
  });
});

test('every kind goes on in another process to the same bits', async () => {
  const resumed: Resumed[] = [];
  const expected: string[] = [];
  for (const subject of SUBJECTS) {
    const examples = examplesOf(subject, 200);
    const model = await trained(subject, examples.slice(0, 111));
    const saved = Buffer.from(model.save()).toString('base64');
    const rest = examples.slice(111);
    resumed.push({ request: requestOf(subject), saved, examples: rest });
    teach(model, rest);
    expected.push(createHash('sha256').update(model.save()).digest('hex'));
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-resume-'));
  try {
    const file = path.join(folder, 'states.json');
    writeFileSync(file, JSON.stringify(resumed));
    const hooks = path.join(import.meta.dirname, '../../support/typescript-hooks.mjs');
    const script = path.join(import.meta.dirname, 'resume-elsewhere.ts');
    const printed = execFileSync(process.execPath, ['--import', hooks, script, file], { encoding: 'utf8' });
    const found = JSON.parse(printed.slice(printed.lastIndexOf('['))) as string[];
    expect(SUBJECTS.map(({ name }, i) => [name, found[i]])).toEqual(SUBJECTS.map(({ name }, i) => [name, expected[i]]));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const CLASSES = SUBJECTS.filter(({ task }) => task === 'multiclass' || task === 'binary');

test.each(CLASSES)('$name gives probabilities: none below 0 or above 1, of classes 1 together', async (subject) => {
  const model = await createModel(requestOf(subject));
  for (const example of examplesOf(subject, 400)) {
    const [said] = model.predictMany([example.features]);
    const shares = said!.outputs ? Object.values(said!.outputs) : [said!.score!];
    for (const share of shares) expect(share >= 0 && share <= 1).toBe(true);
    const sum = shares.reduce((total, share) => total + share, 0);
    if (said!.outputs && shares.length > 0) expect(Math.abs(sum - 1)).toBeLessThan(1e-9);
    teach(model, [example]);
  }
});

test.each(SUBJECTS.filter(({ task }) => task === 'multiclass'))(
  '$name learns a class that comes late',
  async (subject) => {
    const random = seeded(5);
    const example = (late: boolean): TrainingExample => {
      const amount = random() * 50 + (late ? 50 : 0);
      const label = late ? 'late' : amount > 25 ? 'more' : 'less';
      return { features: { amount, count: 3, currency: late ? 'usd' : 'eur' }, target: 0, weight: 1, label };
    };
    const model = await trained(
      subject,
      Array.from({ length: 1000 }, () => example(false)),
    );
    expect(model.predictMany([{}])[0]!.outputs).not.toHaveProperty('late');
    teach(
      model,
      Array.from({ length: 1500 }, (_, i) => example(i % 3 === 0)),
    );
    const [late, usual] = model.predictMany([example(true).features, example(false).features]);
    expect(late!.prediction).toBe('late');
    expect(usual!.prediction).not.toBe('late');
  },
);
