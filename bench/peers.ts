// How well each kind predicts beside River, Vowpal Wabbit and MOA on the same rows: prequentially, every row scored before it is
// learned. Accuracy; where few are true, the area under precision and recall; for numbers the mean absolute error. Peers' figures
// are kept in .cache/peers.json, since some take minutes and never change.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { evaluate, type LabelledRow } from '../src/commands/evaluate/prequential.ts';
import { qualityOf } from '../src/commands/evaluate/quality.ts';
import { drawTable } from '../src/terminal/table.ts';
import { Runner } from './learners/runner.ts';
import { DATASETS, fileOf, type Dataset } from './learners/subjects.ts';
import { LABELS, readTable, type Table } from './learners/table.ts';
import { CLASSIFIERS, REGRESSORS, type PeerModel } from './peers/models.ts';
import type { Figure } from './figure.ts';

const SEEDS = Number(process.env['MILLRACE_PEERS_SEEDS'] ?? 10);
/** Rows of a dataset on which peers, too, are measured with every seed. */
const FEW = 2000;
/** Ours is repeated until so much processor time has gone, and timed at last: a small dataset is over before anything is compiled. */
const LEAST_US = 300_000;
const KEPT = '.cache/peers.json';
const PEERS = ['river', 'vw', 'moa'] as const;

interface Quality {
  readonly accuracy?: number;
  readonly pr_auc?: number;
  readonly mae?: number;
  readonly rows_per_second: number;
}

type Answer = Partial<Quality> & { readonly missing?: string; readonly version?: string };
type Metric = 'accuracy' | 'pr_auc' | 'mae';

export async function measure(): Promise<Figure[]> {
  const python = process.env['MILLRACE_RIVER_PYTHON'];
  if (python === undefined)
    console.error(`Peers are not measured, only those in ${KEPT} are shown. To measure them:
  python3 -m venv .cache/river && .cache/river/bin/pip install river==0.26.1 vowpalwabbit capymoa
  MILLRACE_RIVER_PYTHON=.cache/river/bin/python npm run bench -- peers`);
  const figures: Figure[] = [];
  await using peers = new PeerBench(python);
  for (const dataset of chosenDatasets()) {
    const file = fileOf(dataset.name);
    if (file === undefined) {
      console.error(`${dataset.name}.csv is not here: MILLRACE_DATASETS names the folder that has it`);
      continue;
    }
    const metric: Metric =
      dataset.task === 'regression' ? 'mae' : dataset.name === 'fraud_imbalanced' ? 'pr_auc' : 'accuracy';
    figures.push(...(await compare(dataset, file, metric, peers)));
  }
  return figures;
}

function chosenDatasets(): readonly Dataset[] {
  const list = process.env['MILLRACE_BENCH_DATASETS']?.split(';');
  return DATASETS.filter(({ name }) => list === undefined || list.includes(name));
}

async function compare(dataset: Dataset, file: string, metric: Metric, peers: PeerBench): Promise<Figure[]> {
  const table = readTable(file, dataset.target, dataset.task);
  const figures: Figure[] = [];
  const lines: string[][] = [];
  for (const model of dataset.task === 'regression' ? REGRESSORS : CLASSIFIERS) {
    console.error(`  ${dataset.name}, ${model.name} …`);
    const ours: Quality[] = [];
    for (let seed = 1; seed <= (model.randomised ? SEEDS : 1); seed++)
      ours.push(await own(table, dataset, model, seed));
    const values = ours.map((one) => one[metric]!);
    const answers = new Map<string, Answer>();
    const seeds =
      model.randomised && table.examples.length < FEW ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [42];
    for (const peer of PEERS) answers.set(peer, await peers.askAll(peer, model, dataset, file, seeds));
    const river = answers.get('river')![metric];
    const name = `${dataset.name}, ${model.name}: ${metric}`;
    figures.push({ name, value: mean(values), unit: model.randomised ? `mean of ${SEEDS} seeds` : '' });
    if (river !== undefined)
      figures[figures.length - 1] = { ...figures.at(-1)!, peer: river, ratio: mean(values) / river };
    lines.push([
      model.name,
      shown(mean(values)) +
        (model.randomised ? ` (${shown(Math.min(...values))} to ${shown(Math.max(...values))})` : ''),
      ...PEERS.map((peer) => shown(answers.get(peer)![metric])),
      rate(ours[0]!.rows_per_second),
      ...PEERS.map((peer) => rate(answers.get(peer)!.rows_per_second)),
    ]);
  }
  const heads = ['ours', 'River', 'VW', 'MOA'];
  const header = [`${dataset.name}: ${metric}`, ...heads, ...heads.map((head) => `rows/s ${head}`)];
  console.error(`${drawTable(header, lines)}\n`);
  return figures;
}

async function own(table: Table, dataset: Dataset, model: PeerModel, seed: number): Promise<Quality> {
  const { task } = dataset;
  const rows = table.examples.map(({ features, target }, i): LabelledRow => {
    const label = task === 'binary' ? (target === 1 ? 'true' : 'false') : String(target);
    return { features, label, at: i, dueAt: i };
  });
  const options = { ...model.options, drift: { signals: [] } };
  const request = { options, features: table.columns, label: LABELS[task], rows, seed };
  const evaluation = await evaluate(request);
  let [all, last] = [0, 0];
  // Once for all seeds.
  while (seed === 1 && all < LEAST_US) {
    const before = process.cpuUsage();
    await evaluate(request);
    const { user, system } = process.cpuUsage(before);
    last = user + system;
    all += last;
  }
  const { metrics } = qualityOf(evaluation);
  const given = (name: Metric) => (metrics[name] == null ? {} : { [name]: metrics[name] });
  return {
    ...given('accuracy'),
    ...given('pr_auc'),
    ...given('mae'),
    rows_per_second: (rows.length / last) * 1e6,
  };
}

/** Peers' figures, measured or kept. */
class PeerBench {
  readonly #runner: Runner<Answer> | undefined;
  readonly #kept: Record<string, Answer>;

  constructor(python: string | undefined) {
    this.#runner = python === undefined ? undefined : new Runner(python, [path.resolve('bench/river/peers.py')]);
    try {
      this.#kept = JSON.parse(readFileSync(KEPT, 'utf8')) as Record<string, Answer>;
    } catch {
      this.#kept = {};
    }
  }

  /** The mean over seeds. */
  async askAll(
    peer: (typeof PEERS)[number],
    model: PeerModel,
    dataset: Dataset,
    file: string,
    seeds: readonly number[],
  ): Promise<Answer> {
    const theirs = model[peer];
    if (theirs === undefined) return {};
    const answers: Answer[] = [];
    for (const seed of seeds) answers.push(await this.#ask(peer, theirs, dataset, file, seed));
    const over = (name: Metric | 'rows_per_second') => {
      const values = answers.flatMap((answer) => answer[name] ?? []);
      return values.length === 0 ? {} : { [name]: mean(values) };
    };
    return { ...over('accuracy'), ...over('pr_auc'), ...over('mae'), ...over('rows_per_second') };
  }

  async #ask(
    peer: (typeof PEERS)[number],
    theirs: string,
    dataset: Dataset,
    file: string,
    seed: number,
  ): Promise<Answer> {
    const key = `${peer} ${theirs} ${dataset.name}${seed === 42 ? '' : ` ${seed}`}`;
    const kept = this.#kept[key];
    if (kept || !this.#runner) return kept ?? {};
    const { target, task } = dataset;
    const answer = await this.#runner.ask({ peer, model: theirs, file: path.resolve(file), target, task, seed });
    if (answer.missing !== undefined) console.error(`  ${peer}: ${answer.missing}`);
    else {
      this.#kept[key] = answer;
      mkdirSync(path.dirname(KEPT), { recursive: true });
      writeFileSync(KEPT, JSON.stringify(this.#kept, undefined, 1));
    }
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner?.[Symbol.asyncDispose]();
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shown(value: number | undefined): string {
  return value === undefined ? '' : value < 1 ? value.toFixed(4) : value.toPrecision(4);
}

function rate(value: number | undefined): string {
  return value === undefined ? '' : Math.round(value).toLocaleString('en');
}
