// From a label's type to the task, and from a label's text to what is learned.

import type { ColumnType } from '../flow/pipeline.ts';
import type { Task } from './model.ts';

/** OIDs of pg_type.dat: int8, int2, int4, float4, float8, numeric. */
const NUMBERS = new Set([20, 21, 23, 700, 701, 1700]);
const BOOLEAN = 16;

/** Undefined where no model here learns a label of that type. */
export function taskOf(label: ColumnType): Exclude<Task, 'none'> | undefined {
  if (label.typeOid === BOOLEAN) return 'binary';
  return NUMBERS.has(label.typeOid) ? 'regression' : undefined;
}

/** Reads a label as Postgres casts it to text: true/false as 1/0, a number as itself; NaN for anything else. */
export function targetOf(task: Task, label: string): number {
  if (task === 'binary')
    return label === 'true' || label === 't' ? 1 : label === 'false' || label === 'f' ? 0 : Number.NaN;
  return label.trim() === '' ? Number.NaN : Number(label);
}

/** What is said of a score: beyond 0.5 is true, exactly 0.5 is false, as in River. */
export function predictionOf(task: Task, score: number): string {
  return task === 'binary' ? (score > 0.5 ? 'true' : 'false') : String(score);
}
