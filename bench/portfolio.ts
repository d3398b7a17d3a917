// `auto` over whole data sets, prequentially: what it reaches, beside the best single model of River on the same rows. Reads the
// folder MILLRACE_DATASETS, which holds the CSV files named below, target last, in stream order; phishing is here without it.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { evaluate } from '../src/commands/evaluate/prequential.ts';
import { qualityOf } from '../src/commands/evaluate/quality.ts';
import { readCsv } from '../src/commands/evaluate/read-csv.ts';
import { labelledRows } from '../src/commands/evaluate/stream-order.ts';
import type { Figure } from './figure.ts';

interface DataSet {
  readonly file: string;
  readonly label: string;
  readonly metric: 'accuracy' | 'pr_auc' | 'mae';
  /** Of River 0.26.1, and which model it was. */
  readonly peer: number;
  readonly model: string;
}

const SETS: readonly DataSet[] = [
  { file: 'phishing', label: 'is_phishing', metric: 'accuracy', peer: 0.9112, model: 'SRP(10)' },
  { file: 'breast_cancer', label: 'target', metric: 'accuracy', peer: 0.9455, model: 'PAClassifier, SRP(10)' },
  { file: 'sea_drift', label: 'target', metric: 'accuracy', peer: 0.887, model: 'LogisticRegression(AdaGrad)' },
  { file: 'agrawal_drift', label: 'target', metric: 'accuracy', peer: 0.9794, model: 'HAT' },
  { file: 'fraud_imbalanced', label: 'is_fraud', metric: 'pr_auc', peer: 0.6735, model: 'PAClassifier(C=.01)' },
  { file: 'chick_weights', label: 'weight', metric: 'mae', peer: 21.9359, model: 'AMF(10)' },
  { file: 'trump_approval', label: 'five_thirty_eight', metric: 'mae', peer: 0.1947, model: 'the last value' },
];

const BOOLEAN = { typeOid: 16, type: 'boolean' };
const NUMBER = { typeOid: 701, type: 'double precision' };
const SEEDS = [1, 2, 3, 4, 5];

export async function measure(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const set of SETS) {
    const file = fileOf(set.file);
    if (file === undefined) console.error(`${set.file}.csv is not in MILLRACE_DATASETS: left out`);
    else figures.push(...(await measureSet(set, file)));
  }
  return figures;
}

function fileOf(name: string): string | undefined {
  const here = path.join('examples', name, `${name}.csv`);
  const there = path.join(process.env['MILLRACE_DATASETS'] ?? '', `${name}.csv`);
  return [here, there].find((file) => existsSync(file));
}

/** Worst and mean of the seeds. */
async function measureSet({ file: name, label, metric, peer, model }: DataSet, file: string): Promise<Figure[]> {
  const table = await readCsv(file);
  const column = { name: label, ...(metric === 'mae' ? NUMBER : BOOLEAN) };
  const features = table.columns.filter((feature) => feature.name !== label);
  const rows = labelledRows(table, { label: column, time: undefined, delay: undefined });
  const values: number[] = [];
  let [seconds, stateBytes] = [0, 0];
  for (const seed of SEEDS) {
    const evaluation = await evaluate({ options: { kind: 'auto' }, features, label: column, rows, seed });
    values.push(qualityOf(evaluation).metrics[metric]!);
    seconds += evaluation.seconds;
    stateBytes = evaluation.stateBytes;
  }
  const worst = metric === 'mae' ? Math.max(...values) : Math.min(...values);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [
    { name: `portfolio, ${name}: mean, River's ${model}`, value: mean, unit: metric, peer, ratio: mean / peer },
    { name: `portfolio, ${name}: worst of ${SEEDS.length} seeds`, value: worst, unit: metric },
    { name: `portfolio, ${name}`, value: (1e6 * seconds) / (SEEDS.length * rows.length), unit: 'µs per event' },
    { name: `portfolio, ${name}: state`, value: stateBytes, unit: 'bytes' },
  ];
}
