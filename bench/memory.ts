// Whether a model keeps its size on a stream without end: 5 M events with a million categories, every kind and each kind of label.
// MILLRACE_EVENTS=n takes fewer; MILLRACE_KINDS=a,b takes some kinds.

import type { ColumnType, ModelOptions } from '../src/flow/pipeline.ts';
import { createModel } from '../src/model/create-model.ts';
import { LEARNERS } from '../src/model/kinds/registry.ts';
import type { LearnedTask, Model } from '../src/model/model.ts';
import { Random } from '../src/model/random.ts';
import { heldBytes } from '../test/support/held-bytes.ts';
import type { Figure } from './figure.ts';

const EVENTS = Number(process.env['MILLRACE_EVENTS'] ?? 5_000_000);
const CATEGORIES = 1_000_000;
const WARM_UP = 1_000;
const KINDS = process.env['MILLRACE_KINDS']?.split(',');

const COLUMNS: readonly ColumnType[] = [
  { name: 'amount', typeOid: 701, type: 'double precision' },
  { name: 'merchant', typeOid: 25, type: 'text' },
  { name: 'ok', typeOid: 16, type: 'boolean' },
];

const LABELS: Readonly<Record<LearnedTask, ColumnType | undefined>> = {
  binary: { name: 'label', typeOid: 16, type: 'boolean' },
  regression: { name: 'label', typeOid: 701, type: 'double precision' },
  multiclass: { name: 'label', typeOid: 25, type: 'text' },
  anomaly: undefined,
};

/** Of the column with a million values, beside the usual dimensions for the first hundred. */
const ENCODINGS = {
  target: { as: 'target', max_values: 10_000 },
  text: { as: 'text', unit: 'characters' },
} as const;

interface Subject {
  readonly name: string;
  readonly options: ModelOptions;
  readonly task: LearnedTask;
}

export async function measure(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const subject of subjects()) {
    process.stderr.write(`  ${subject.name}\n`);
    figures.push(...(await measureSubject(subject)));
  }
  return figures;
}

async function measureSubject({ name, options, task }: Subject): Promise<readonly Figure[]> {
  const start = () => createModel({ options, features: COLUMNS, label: LABELS[task], seed: 1 });
  // What it takes to run at all, as compiled code, is not the model's.
  run(await start(), task, WARM_UP, 0);
  const before = await heldBytes();
  const model = await start();
  run(model, task, EVENTS / 10, 0);
  const early = model.bytes;
  run(model, task, EVENTS - EVENTS / 10, EVENTS / 10);
  const grown = (await heldBytes()) - before;
  return [
    {
      name: `${name}: holds (peer: after a tenth of the events)`,
      value: model.bytes / 2 ** 20,
      unit: 'MiB',
      peer: early / 2 ** 20,
      ratio: model.bytes / early,
    },
    { name: `${name}: process grew by`, value: grown / 2 ** 20, unit: 'MiB' },
    { name: `${name}: saved`, value: model.save().length / 2 ** 20, unit: 'MiB' },
  ];
}

function subjects(): readonly Subject[] {
  const kinds = LEARNERS.flatMap((kind) =>
    kind.tasks.map((task): Subject => {
      const series = kind.series ? { series: 'merchant' } : {};
      return { name: `${kind.name} (${task})`, options: { kind: kind.name, ...series }, task };
    }),
  );
  const encodings = Object.entries(ENCODINGS).map(([name, merchant]): Subject => {
    const options = { kind: 'logistic', encode: { features: { merchant } } };
    return { name: `logistic with ${name}`, options, task: 'binary' };
  });
  const portfolios = (['binary', 'regression', 'multiclass'] as const).map((task): Subject => ({
    name: `auto (${task})`,
    options: { kind: 'auto' },
    task,
  }));
  return [...kinds, ...encodings, ...portfolios].filter(({ options }) => !KINDS || KINDS.includes(options.kind));
}

/** `peer` is the size after a tenth of the events. */
function run(model: Model, task: LearnedTask, events: number, from: number): void {
  const random = new Random(from + 1);
  for (let i = from; i < from + events; i++) {
    const amount = random.uniform() * 100;
    const features = {
      amount,
      merchant: `merchant ${Math.floor(random.uniform() * CATEGORIES)}`,
      ok: random.uniform() < 0.5,
    };
    if (task === 'anomaly') model.observe(features);
    else
      model.learn({
        features,
        target: task === 'binary' ? (amount > 60 ? 1 : 0) : amount,
        label: `class ${i % 100}`,
        weight: 1,
      });
  }
}
