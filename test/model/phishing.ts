// The phishing data (UCI, CC BY 4.0; examples/phishing/README.md) as a model gets it, and River's traces on it.

import { readFileSync } from 'node:fs';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import type { FeatureRow, ModelRequest } from '../../src/model/model.ts';

export interface LabelledRow {
  readonly features: FeatureRow;
  readonly target: number;
}

const FLOAT8 = 701;
const BOOLEAN = 16;

export const booleanLabel: ColumnType = { name: 'label', typeOid: BOOLEAN, type: 'boolean' };
export const numberLabel: ColumnType = { name: 'label', typeOid: FLOAT8, type: 'double precision' };

export function floatColumns(names: readonly string[]): ColumnType[] {
  return names.map((name) => ({ name, typeOid: FLOAT8, type: 'double precision' }));
}

/** A CSV with a header, numbers only, target last. */
export function readLabelled(path: string): { columns: ColumnType[]; rows: LabelledRow[] } {
  const [header, ...lines] = readFileSync(new URL(path, import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const names = header!.trim().split(',').slice(0, -1);
  const rows = lines.map((line) => {
    const values = line.trim().split(',').map(Number);
    return { features: Object.fromEntries(names.map((name, i) => [name, values[i]!])), target: values.at(-1)! };
  });
  return { columns: floatColumns(names), rows };
}

export const phishing = () => readLabelled('../../examples/phishing/phishing.csv');

/** What River predicted for each row, from `golden/<name>.csv`. */
export function goldenTrace(name: string): number[] {
  const lines = readFileSync(new URL(`golden/${name}.csv`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  return lines.map((line) => {
    const cell = line.trim().split(',')[2]!;
    return cell === '' ? 0.5 : Number(cell);
  });
}

export function requestFor(columns: readonly ColumnType[], options: Record<string, unknown> = {}): ModelRequest {
  return { options: { kind: 'logistic', ...options }, features: columns, label: booleanLabel, seed: 1 };
}
