// How fast each kind scores and learns, one thread, from rows as parsed objects, beside River on the same rows in the same run:
// rounds in turns (ours, River, ours, River, …), the median of each. Without River ours alone.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Runner } from './learners/runner.ts';
import { DATASETS, fileOf, SUBJECTS, type Dataset, type Subject } from './learners/subjects.ts';
import type { Figure } from './figure.ts';

/** Of which speed is measured; all binary, so that every kind takes them. */
const STREAMS = ['phishing', 'sea_drift', 'fraud_imbalanced'];
const ROUNDS = 5;
const WARM_UP = 3;
/** River's part of a round takes about so long; ours sees the same events as often as it takes. */
const ROUND_US = 700_000;

const HOW_TO_GET_RIVER = `River is not measured. To have it beside ours:
  python3 -m venv .cache/river && .cache/river/bin/pip install river==0.26.1
  MILLRACE_RIVER_PYTHON=.cache/river/bin/python npm run bench -- learners`;

type Answer = Record<'rows' | 'us' | 'bytes' | 'saved', number | undefined>;

export async function measure(): Promise<Figure[]> {
  const python = process.env['MILLRACE_RIVER_PYTHON'];
  if (python === undefined) console.error(HOW_TO_GET_RIVER);
  const figures: Figure[] = [];
  for (const dataset of DATASETS.filter(({ name }) => chosen('MILLRACE_BENCH_DATASETS', name, STREAMS))) {
    const file = fileOf(dataset.name);
    if (file === undefined) {
      console.error(`${dataset.name}.csv is not here: MILLRACE_DATASETS names the folder that has it`);
      continue;
    }
    for (const subject of SUBJECTS) {
      if (!chosen('MILLRACE_BENCH_KINDS', subject.name)) continue;
      console.error(`  ${dataset.name}, ${subject.name} …`);
      figures.push(...(await compare(dataset, file, subject, python)));
    }
  }
  return figures;
}

/** Whether a name is in the variable's list, or, without it, in the default. */
function chosen(variable: string, name: string, otherwise?: readonly string[]): boolean {
  const list = process.env[variable]?.split(';') ?? otherwise;
  return list === undefined || list.includes(name);
}

async function compare(
  dataset: Dataset,
  file: string,
  subject: Subject,
  python: string | undefined,
): Promise<Figure[]> {
  const task = { file, target: dataset.target, task: subject.task };
  await using ours = new Runner<Answer>(process.execPath, [fileURLToPath(here('./learners/ours'))]);
  const { rows } = await ours.ask({ do: 'open', ...task, options: subject.options });
  await using river =
    python !== undefined && subject.river !== undefined
      ? new Runner<Answer>(python, [path.resolve('bench/river/learners.py')])
      : undefined;
  let events = rows!;
  if (river) {
    await river.ask({ do: 'open', ...task, model: subject.river });
    const { us } = await river.ask({ do: 'learn', events: Math.min(rows!, 300) });
    events = Math.min(rows!, Math.max(300, Math.round(ROUND_US / us!)));
  }
  // Not measured: what a process does once, such as compiling what is hot.
  for (let i = 0; i < WARM_UP; i++) {
    await ours.ask({ do: 'learn', events });
    await ours.ask({ do: 'predict', events });
  }
  const times: Record<'learn' | 'predict', { ours: number[]; river: number[] }> = {
    learn: { ours: [], river: [] },
    predict: { ours: [], river: [] },
  };
  for (let round = 0; round < ROUNDS; round++)
    for (const what of ['learn', 'predict'] as const) {
      times[what].ours.push((await ours.ask({ do: what, events })).us!);
      if (river) times[what].river.push((await river.ask({ do: what, events })).us!);
    }
  const name = `${dataset.name}, ${subject.name}`;
  const figure = (label: string, what: 'learn' | 'predict'): Figure => {
    const own = median(times[what].ours);
    const value = Math.round(1e6 / own);
    if (!river) return { name: `${name}: ${label}`, value, unit: 'events/s' };
    const other = median(times[what].river);
    return { name: `${name}: ${label}`, value, unit: 'events/s', peer: Math.round(1e6 / other), ratio: other / own };
  };
  const { bytes, saved } = await ours.ask({ do: 'size' });
  const pickle = river ? (await river.ask({ do: 'size' })).bytes : undefined;
  return [
    figure('predict and learn', 'learn'),
    figure('predict', 'predict'),
    { name: `${name}: state in memory`, value: bytes!, unit: 'bytes' },
    {
      name: `${name}: state saved`,
      value: saved!,
      unit: 'bytes',
      ...(pickle === undefined ? {} : { peer: pickle, ratio: pickle / saved! }),
    },
  ];
}

/** A source beside this one, with the ending that it has where this runs. */
function here(name: string): URL {
  return new URL(name + path.extname(import.meta.filename), import.meta.url);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
