// Prequential evaluation: every row is scored before its label is learned, in order, as a live model does it. Source: Gama,
// Sebastião and Rodrigues, "On evaluating stream learning algorithms" (2013).

import type { ColumnType, ModelOptions } from '../../flow/pipeline.ts';
import { createModel } from '../../model/create-model.ts';
import type { DriftAlarm, FeatureRow, LearnedTask, Model, Prediction } from '../../model/model.ts';
import { answerOf, type ClassAnswer } from '../../model/metrics/class-tally.ts';
import { forecastNote } from '../../model/metrics/forecast-note.ts';
import { intervalAnswer } from '../../model/metrics/interval-tally.ts';
import type { OutputsWindow } from '../../model/metrics/outputs-tally.ts';
import { targetOf } from '../../model/target.ts';

/** A row and what became of it. */
export interface LabelledRow {
  readonly features: FeatureRow;
  /** Undefined: never known. */
  readonly label: string | undefined;
  /** Its label is learned before the first row whose `at` is not below this. */
  readonly dueAt: number;
  /** Rows come by this, ascending: a time in microseconds, or the row's number. */
  readonly at: number;
}

export interface Evaluation {
  readonly task: LearnedTask;
  readonly kind: string;
  /** Of each row that has a label, in order: the score that it was given, and what it should have been. */
  readonly scores: Float64Array;
  readonly targets: Float64Array;
  readonly predicted: readonly (string | null)[];
  /** Of classes. */
  readonly answers: readonly ClassAnswer[];
  /** Of classes, too: their names as they came, and by row the probability of each. */
  readonly classes: readonly string[];
  readonly probabilities: readonly Float64Array[];
  /** Of numbers: what was said beside them. */
  readonly beside: OutputsWindow;
  /** Share of all rows, with and without a label, that an anomaly model called one. */
  readonly alarmRate: number;
  readonly seconds: number;
  readonly stateBytes: number;
  readonly notices: readonly string[];
  /** Labels that cannot be learned, e.g. no number where a number is learned. */
  readonly skipped: number;
  /** In order, as they were noticed. */
  readonly drift: readonly DriftAlarm[];
}

export interface EvaluationRequest {
  readonly options: ModelOptions;
  readonly features: readonly ColumnType[];
  /** Undefined: of models that learn without. */
  readonly label: ColumnType | undefined;
  readonly rows: readonly LabelledRow[];
  readonly seed: number;
}

/** Rejects with MODEL_INVALID where the model's options and the columns do not go together. */
export async function evaluate(request: EvaluationRequest): Promise<Evaluation> {
  const { rows } = request;
  const model = await modelFor(request);
  const task = model.task as LearnedTask;
  const labelled = rows.filter((row) => row.label !== undefined).length;
  const scores = new Float64Array(labelled);
  const targets = new Float64Array(labelled);
  const predicted: (string | null)[] = [];
  const answers: ClassAnswer[] = [];
  const classes = new Map<string, number>();
  const probabilities: Float64Array[] = [];
  const notes: (Float64Array | undefined)[] = [];
  const none = (): Float64Array => new Float64Array(labelled).fill(Number.NaN);
  const [pinball, covered, nominal] = [none(), none(), none()];
  const waiting = new Waiting();
  const learn = ({ row: { features, label }, said }: Scored): void => {
    const { score, prediction } = said;
    model.learn({ features, target: targetOf(task, label!), weight: 1, label: label!, score, prediction });
    take();
  };
  const drift: DriftAlarm[] = [];
  const take = (): void => {
    const alarms = model.takeAlarms?.();
    if (alarms !== undefined && alarms.length > 0) drift.push(...alarms);
  };
  const started = process.hrtime.bigint();
  let n = 0;
  let alarms = 0;
  for (const row of rows) {
    for (let due = waiting.take(row.at); due; due = waiting.take(row.at)) learn(due);
    const [said] = model.predictMany([row.features]);
    if (model.learnsArrivals) {
      model.observe(row.features);
      take();
    }
    if (task === 'anomaly' && said!.prediction === 'anomaly') alarms++;
    if (row.label === undefined) continue;
    scores[n] = said!.score ?? 0;
    targets[n] = targetOf(task, row.label);
    predicted.push(said!.prediction);
    const outputs = said!.outputs && new Map(Object.entries(said!.outputs));
    if (task === 'multiclass') {
      answers.push(answerOf(row.label, said!.prediction, outputs));
      probabilities.push(numbered(outputs, classes));
    }
    if (task === 'regression') {
      const interval = intervalAnswer(targets[n]!, outputs);
      if (interval) [pinball[n], covered[n], nominal[n]] = [interval.pinball, interval.covered, interval.nominal];
      notes.push(forecastNote(outputs));
    }
    n++;
    if (row.dueAt <= row.at) learn({ row, said: said! });
    else waiting.add({ row, said: said! });
  }
  for (let due = waiting.take(Infinity); due; due = waiting.take(Infinity)) learn(due);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const { kind, bytes: stateBytes, notices, skipped } = model;
  const beside = { targets, pinball, covered, nominal, notes };
  const byClass = { answers, classes: [...classes.keys()], probabilities };
  const said = { scores, targets, predicted, ...byClass, beside, alarmRate: alarms / rows.length };
  return { task, kind, ...said, seconds, stateBytes, notices, skipped, drift };
}

/** As new. Rejects with MODEL_INVALID, before any row is read. */
export function modelFor({ options, features, label, seed }: Omit<EvaluationRequest, 'rows'>): Promise<Model> {
  return createModel({ options, features, label, seed });
}

/** Probabilities by the number of their class; a class that is new gets the next. */
function numbered(outputs: ReadonlyMap<string, number> | undefined, classes: Map<string, number>): Float64Array {
  for (const name of outputs?.keys() ?? []) if (!classes.has(name)) classes.set(name, classes.size);
  const probabilities = new Float64Array(classes.size);
  for (const [name, probability] of outputs ?? []) probabilities[classes.get(name)!] = probability;
  return probabilities;
}

interface Scored {
  readonly row: LabelledRow;
  readonly said: Prediction;
}

/** Labels on their way. All wait equally long, so the first to come is the first to be due. */
class Waiting {
  #rows: Scored[] = [];
  #head = 0;

  add(row: Scored): void {
    this.#rows.push(row);
  }
  take(at: number): Scored | undefined {
    const row = this.#rows[this.#head];
    if (row === undefined || row.row.dueAt > at) return undefined;
    this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#rows.length) {
      this.#rows = this.#rows.slice(this.#head);
      this.#head = 0;
    }
    return row;
  }
}
