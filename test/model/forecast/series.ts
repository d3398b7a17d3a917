// Series to forecast, and models that forecast them.

import { readFileSync } from 'node:fs';
import type { ColumnType } from '../../../src/flow/pipeline.ts';
import { createModel } from '../../../src/model/create-model.ts';
import type { FeatureRow, Model, ModelRequest } from '../../../src/model/model.ts';
import { numberLabel } from '../phishing.ts';
import { seeded } from '../seeded.ts';

export const columns: readonly ColumnType[] = [
  { name: 'store', typeOid: 25, type: 'text' },
  { name: 'day', typeOid: 1082, type: 'date' },
  { name: 'price', typeOid: 701, type: 'double precision' },
];

export function requestOf(options: ModelRequest['options'], features = columns): ModelRequest {
  return { options, features, label: numberLabel, seed: 1 };
}

export function forecaster(options: ModelRequest['options'], features = columns): Promise<Model> {
  return createModel(requestOf(options, features));
}

export function learnValue(model: Model, target: number, features: FeatureRow = {}): void {
  model.learn({ features, target, weight: 1 });
}

export const dayOf = (n: number): string => new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10);

export interface TraceRow {
  readonly y: number;
  /** The column beside it. */
  readonly x: number;
  /** From 1 step ahead on, before the value was learned; empty where River had none yet. */
  readonly forecasts: readonly number[];
}

/** `golden/<name>.csv`, made by golden/forecast_traces.py. */
export function forecastTrace(name: string): TraceRow[] {
  const [, ...lines] = readFileSync(new URL(`../golden/${name}.csv`, import.meta.url), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => {
    const [, y, x, ...forecasts] = line.trim().split(',');
    return { y: Number(y), x: Number(x), forecasts: forecasts.filter((cell) => cell !== '').map(Number) };
  });
}

/** The forecasts by horizon, without their bounds. */
export function forecastsOf(model: Model, row: FeatureRow, horizon: number): number[] {
  const { outputs } = model.predictMany([row])[0]!;
  return Array.from({ length: horizon }, (_, h) => outputs![`${h + 1}`]!);
}

/** Standard normal, by Box and Muller. */
export function gaussian(seed: number): () => number {
  const random = seeded(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
