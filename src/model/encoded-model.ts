// A model made of an encoder and a learner. The order is River's: a row is scored with the means and deviations from before;
// at its label the encoder learns first, then the row is encoded again and given to the learner.

import type { ClassList } from './class-list.ts';
import { classPrediction, named } from './class-prediction.ts';
import type { Encoder } from './encoder/encoder.ts';
import { ExampleReader } from './example-reader.ts';
import { explanationOf } from './explanation.ts';
import { FusedLinear } from './fused-linear.ts';
import { FusedScores } from './fused-scores.ts';
import { firstGreatest } from './kinds/softmax.ts';
import type { CodeExpression, Input, Learner } from './learner.ts';
import type {
  Explanation,
  FeatureRow,
  Judgement,
  LearnedTask,
  Model,
  ModelSettings,
  Prediction,
  TrainingExample,
} from './model.ts';
import { StateWriter } from './saved-state.ts';
import type { SeriesKeys } from './series-keys.ts';
import { predictionCode, predictionOf, ValuePrediction, ValuesPrediction } from './target.ts';

/** From `outputs` and `names` to a prediction. */
const CLASSES_CODE: CodeExpression = { code: 'classPrediction(names, outputs)', uses: { classPrediction } };

/** An object is made in one go where its names stand in the code, and all of them are said. */
function valuesCode(names: readonly string[], scoreAt: number): CodeExpression {
  const all = names.map((_, i) => `outputs[${i}] === outputs[${i}]`).join(' && ');
  const literal = names.map((name, i) => `${JSON.stringify(name)}: outputs[${i}]`).join(', ');
  return {
    code: `new ValuesPrediction(outputs[${scoreAt}], ${all} ? { ${literal} } : named(names, outputs))`,
    uses: { ValuesPrediction, named },
  };
}

export interface EncodedModelParts {
  readonly kind: string;
  readonly task: LearnedTask;
  readonly settings: ModelSettings;
  readonly learnsArrivals: boolean;
  readonly encoder: Encoder;
  readonly learner: Learner;
  /** Of kinds that forecast series. */
  readonly series?: SeriesKeys | undefined;
  /** Of multiclass, undefined else. */
  readonly classes: ClassList | undefined;
  /** Factor on an example's weight by its class's text; undefined: 1 for all. */
  readonly classWeights: Readonly<Record<string, number>> | undefined;
  readonly examples: number;
  readonly skipped: number;
}

export class EncodedModel implements Model {
  readonly task: LearnedTask;
  readonly kind: string;
  readonly settings: ModelSettings;
  readonly learnsArrivals: boolean;
  readonly #encoder: Encoder;
  readonly #learner: Learner;
  readonly #series: SeriesKeys | undefined;
  readonly #classes: ClassList | undefined;
  readonly #reader: ExampleReader;
  #examples: number;
  #skipped: number;
  readonly #fused: FusedLinear<Prediction> | undefined;
  readonly #fusedScores: FusedScores | undefined;

  constructor(parts: EncodedModelParts) {
    this.kind = parts.kind;
    this.task = parts.task;
    this.settings = parts.settings;
    this.learnsArrivals = parts.learnsArrivals;
    this.#encoder = parts.encoder;
    this.#learner = parts.learner;
    this.#series = parts.series;
    this.#classes = parts.classes;
    this.#reader = new ExampleReader(parts.classes, parts.classWeights);
    this.#examples = parts.examples;
    this.#skipped = parts.skipped;
    if (!parts.series)
      this.#fused = FusedLinear.of<Prediction>(
        parts.encoder,
        parts.learner.linear,
        !parts.learnsArrivals,
        predictionCode(parts.task),
      );
    const names = parts.classes?.names ?? parts.learner.outputNames;
    if (!parts.series && names)
      this.#fusedScores = FusedScores.of(
        parts.encoder,
        parts.learner.linears,
        !parts.learnsArrivals,
        names,
        parts.classes ? CLASSES_CODE : valuesCode(names, parts.learner.scoreAt!),
      );
  }

  get notices(): readonly string[] {
    return this.#encoder.notices;
  }

  get examples(): number {
    return this.#examples;
  }

  get skipped(): number {
    return this.#skipped + (this.#learner.skipped ?? 0);
  }

  get unusable(): number {
    return this.#encoder.unusable;
  }

  get bytes(): number {
    return this.#encoder.bytes + this.#learner.bytes + (this.#classes?.bytes ?? 0) + (this.#series?.bytes ?? 0);
  }

  predictMany(rows: readonly FeatureRow[]): Prediction[] {
    const fused = this.#fused ? this.#fused.predict(rows) : this.#fusedScores?.predict(rows);
    if (fused) return fused;
    const predictions = new Array<Prediction>(rows.length);
    if (this.#classes || this.#learner.outputNames) {
      for (let i = 0; i < rows.length; i++) predictions[i] = this.#predictAll(rows[i]!);
      return predictions;
    }
    for (let i = 0; i < rows.length; i++)
      predictions[i] = this.#said(this.#learner.predict(this.#encode(rows[i]!, false)));
    return predictions;
  }

  get mends(): boolean {
    return this.#learner.mend !== undefined;
  }

  mend(): void {
    this.#learner.mend?.();
  }

  learn(example: TrainingExample): void {
    this.#learn(example, undefined);
  }

  judge(example: TrainingExample, into: Judgement): boolean {
    return this.#learn(example, into);
  }

  #learn(example: TrainingExample, judged: Judgement | undefined): boolean {
    this.#examples += 1;
    const reader = this.#reader;
    if (!reader.read(example) || (this.#series && !this.#series.intern(example.features))) {
      this.#skipped += 1;
      return false;
    }
    const { target, weight } = reader;
    const said = this.#learnFused(example.features, target, weight, judged !== undefined);
    if (judged && typeof said === 'number') this.#judge(said, target, judged);
    if (said === false) {
      const input = this.#encode(example.features, !this.learnsArrivals);
      if (judged) this.#judge(this.#learner.predict(input), target, judged);
      this.#learner.learn(input, target, weight);
    }
    this.#encoder.learnTarget(example.features, target, weight);
    return true;
  }

  /** As {@link FusedLinear.learn}. */
  #learnFused(row: FeatureRow, target: number, weight: number, asked: boolean): number | boolean {
    if (this.#fused) return this.#fused.learn(row, target, weight, asked);
    const outputs = this.#fusedScores?.learn(row, target, weight);
    if (outputs === undefined) return false;
    if (!asked) return true;
    return this.#classes ? firstGreatest(outputs, outputs.length) : outputs[this.#learner.scoreAt!]!;
  }

  /** On what is said of the input that is learned: encoding the row once more as it was before would cost more than it tells. */
  #judge(said: number, target: number, into: Judgement): void {
    if (this.#classes) into.loss = into.wrong = said === target ? 0 : 1;
    else {
      into.loss = this.task === 'binary' ? (said - target) ** 2 : Math.abs(said - target);
      into.wrong = this.task === 'binary' ? Number(said > 0.5 !== target > 0.5) : Number.NaN;
    }
  }

  observe(row: FeatureRow): void {
    if (this.learnsArrivals) this.#encoder.encode(row, true);
  }

  explain(row: FeatureRow, top: number): Explanation {
    const input = this.#encode(row, false);
    return explanationOf({ encoder: this.#encoder, learner: this.#learner }, row, input, top);
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.kind} model`);
    writer.f64(this.#examples);
    writer.f64(this.#skipped);
    this.#encoder.save(writer);
    this.#series?.save(writer);
    this.#classes?.save(writer);
    writer.bytes(this.#learner.save());
    return writer.finish();
  }

  #said(score: number): Prediction {
    if (this.task === 'regression') return new ValuePrediction(score);
    return { score, prediction: predictionOf(this.task, score) };
  }

  #encode(row: FeatureRow, learn: boolean): Input {
    const input = this.#encoder.encode(row, learn);
    this.#series?.read(row, input);
    return input;
  }

  /** Of learners that say more than one number. */
  #predictAll(row: FeatureRow): Prediction {
    const input = this.#encode(row, false);
    if (!this.#classes) {
      const learner = this.#learner;
      const { outputNames, scoreAt } = learner;
      // Of most kinds the score is one of what is said; asking for both takes twice as long.
      const first = scoreAt === undefined ? learner.predict(input) : undefined;
      const values = learner.outputs!(input);
      const score = first ?? values[scoreAt!]!;
      const outputs = named(outputNames!, values);
      if (this.task === 'regression') return new ValuesPrediction(score, outputs);
      return { score, prediction: predictionOf(this.task, score), outputs };
    }
    // What `predict` says is the first of the greatest of these, and asking for both takes twice as long.
    return classPrediction(this.#classes.names, this.#learner.outputs!(input));
  }
}
