// A CSV of numbers as models get it: rows as JSON.parse gives them, the target apart.

import { readFileSync } from 'node:fs';
import type { ColumnType } from '../../src/flow/pipeline.ts';
import type { FeatureRow, LearnedTask, TrainingExample } from '../../src/model/model.ts';

export const LABELS: Readonly<Record<LearnedTask, ColumnType | undefined>> = {
  binary: { name: 'label', typeOid: 16, type: 'boolean' },
  regression: { name: 'label', typeOid: 701, type: 'double precision' },
  multiclass: { name: 'label', typeOid: 25, type: 'text' },
  anomaly: undefined,
};

export interface Table {
  readonly columns: readonly ColumnType[];
  readonly examples: readonly TrainingExample[];
}

export function readTable(file: string, target: string, task: LearnedTask): Table {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const names = header!.split(',');
  const at = names.indexOf(target);
  if (at < 0) throw new Error(`${file} has no column "${target}"; it has ${names.join(', ')}`);
  const features = names.filter((_, i) => i !== at);
  const examples = lines.map((line): TrainingExample => {
    const cells = line.split(',').map(Number);
    const values = cells.filter((_, i) => i !== at);
    const row = JSON.parse(
      JSON.stringify(Object.fromEntries(features.map((name, i) => [name, values[i]]))),
    ) as FeatureRow;
    const label = cells[at]!;
    return task === 'multiclass'
      ? { features: row, target: 0, weight: 1, label: `class ${label}` }
      : { features: row, target: label, weight: 1 };
  });
  return { columns: features.map((name) => ({ name, typeOid: 701, type: 'double precision' })), examples };
}
