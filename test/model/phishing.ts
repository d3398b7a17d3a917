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
export const textLabel: ColumnType = { name: 'label', typeOid: 25, type: 'text' };
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

/** Phishing with the age of the domain joined to the label: four classes over eight features, as golden/traces.py has them. */
export function phishingClasses(): { columns: ColumnType[]; rows: { features: FeatureRow; label: string }[] } {
  const { columns, rows } = phishing();
  return {
    columns: columns.filter(({ name }) => name !== 'age_of_domain'),
    rows: rows.slice(0, 700).map(({ features: { age_of_domain, ...features }, target }) => ({
      features,
      label: `${target === 1 ? 'phishing' : 'honest'} ${Number(age_of_domain) > 0.5 ? 'old' : 'new'}`,
    })),
  };
}

/** Cells of `golden/<name>.csv` behind row number and label, by header; a blank one is not there. */
export function goldenOutputs(name: string): Record<string, number>[] {
  const [header, ...lines] = readFileSync(new URL(`golden/${name}.csv`, import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const names = header!.split(',').slice(2);
  return lines.map((line) => {
    const cells = line.trim().split(',').slice(2);
    return Object.fromEntries(names.flatMap((key, i) => (cells[i] === '' ? [] : [[key, Number(cells[i])]])));
  });
}

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
