// From a label's type to the tasks it can be learned by, and from a label's text to what is learned.

import type { ColumnType } from '../flow/pipeline.ts';
import type { CodeExpression } from './learner.ts';
import type { LearnedTask, Prediction, Task } from './model.ts';

/** OIDs of pg_type.dat: int8, int2, int4. */
const INTEGERS = new Set([20, 21, 23]);
/** float4, float8, numeric. */
const FRACTIONS = new Set([700, 701, 1700]);
const BOOLEAN = 16;
/** "char", name, text, bpchar, varchar. */
const TEXTS = new Set([18, 19, 25, 1042, 1043]);
/** From here on types are a user's own: enums. Domains come as their base type. */
const FIRST_USER_OID = 16384;

/** A class's text ends here: a longer label is not learned. */
export const MAX_CLASS_LENGTH = 200;

/** Undefined where a label of that type is neither true or false nor a number. */
export function taskOf(label: ColumnType): 'binary' | 'regression' | undefined {
  if (label.typeOid === BOOLEAN) return 'binary';
  return INTEGERS.has(label.typeOid) || FRACTIONS.has(label.typeOid) ? 'regression' : undefined;
}

/** All that a label of that type can be learned by, the usual one first. No label is learned by an anomaly model. */
export function tasksOf(label: ColumnType): readonly LearnedTask[] {
  const { typeOid } = label;
  if (TEXTS.has(typeOid) || typeOid >= FIRST_USER_OID) return ['multiclass'];
  const task = taskOf(label);
  return task === undefined ? [] : INTEGERS.has(typeOid) ? [task, 'multiclass'] : [task];
}

/**
 * Reads a label as Postgres casts it to text: true/false as 1/0 (anomaly too, which is only measured on it), a number as itself,
 * 0 for any class (its text is what is learned); NaN for what cannot be learned.
 */
export function targetOf(task: Task, label: string): number {
  if (task === 'binary' || task === 'anomaly')
    return label === 'true' || label === 't' ? 1 : label === 'false' || label === 'f' ? 0 : Number.NaN;
  if (task === 'multiclass') return label.length <= MAX_CLASS_LENGTH ? 0 : Number.NaN;
  return label.trim() === '' ? Number.NaN : Number(label);
}

const TRUTHS = ['false', 'true'] as const;

/** A value and its text, which is made when it is asked for: it costs as much as a value's score. */
export class ValuePrediction implements Prediction {
  readonly score: number;

  constructor(score: number) {
    this.score = score;
  }

  get prediction(): string {
    return String(this.score);
  }

  toJSON(): Prediction {
    return { score: this.score, prediction: this.prediction };
  }
}

/** The same with what else is said, by name. */
export class ValuesPrediction extends ValuePrediction {
  readonly outputs: Readonly<Record<string, number>>;

  constructor(score: number, outputs: Readonly<Record<string, number>>) {
    super(score);
    this.outputs = outputs;
  }

  override toJSON(): Prediction {
    return { score: this.score, prediction: this.prediction, outputs: this.outputs };
  }
}

/** `#said` of a model, as code: from `said` to a prediction. */
export function predictionCode(task: Task): CodeExpression {
  if (task === 'regression') return { code: 'new ValuePrediction(said)', uses: { ValuePrediction } };
  return { code: '{ score: said, prediction: TRUTHS[Number(said > 0.5)] }', uses: { TRUTHS } };
}

/** What is said of a score: beyond 0.5 is true, exactly 0.5 is false, as in River. */
export function predictionOf(task: Task, score: number): string {
  // By index: which of the two comes next no processor can guess, and a wrong guess waits for the score.
  return task === 'binary' ? TRUTHS[Number(score > 0.5)]! : String(score);
}
