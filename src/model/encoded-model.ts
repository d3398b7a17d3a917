// A model made of an encoder and a learner. The order is River's: a row is scored with the means and deviations from before;
// at its label the encoder learns first, then the row is encoded again and given to the learner.

import type { Encoder } from './encoder/encoder.ts';
import { MAX_MAGNITUDE } from './encoder/feature-value.ts';
import type { Learner } from './learner.ts';
import type { Explanation, FeatureRow, Model, ModelSettings, Prediction, Task, TrainingExample } from './model.ts';
import { StateWriter } from './saved-state.ts';
import { predictionOf } from './target.ts';

export interface EncodedModelParts {
  readonly kind: string;
  readonly task: Exclude<Task, 'none'>;
  readonly settings: ModelSettings;
  readonly observesArrivals: boolean;
  readonly encoder: Encoder;
  readonly learner: Learner;
  readonly examples: number;
  readonly skipped: number;
}

export class EncodedModel implements Model {
  readonly task: Exclude<Task, 'none'>;
  readonly kind: string;
  readonly settings: ModelSettings;
  readonly observesArrivals: boolean;
  readonly #encoder: Encoder;
  readonly #learner: Learner;
  #examples: number;
  #skipped: number;

  constructor(parts: EncodedModelParts) {
    this.kind = parts.kind;
    this.task = parts.task;
    this.settings = parts.settings;
    this.observesArrivals = parts.observesArrivals;
    this.#encoder = parts.encoder;
    this.#learner = parts.learner;
    this.#examples = parts.examples;
    this.#skipped = parts.skipped;
  }

  get notices(): readonly string[] {
    return this.#encoder.notices;
  }

  get examples(): number {
    return this.#examples;
  }

  get skipped(): number {
    return this.#skipped;
  }

  get unusable(): number {
    return this.#encoder.unusable;
  }

  get bytes(): number {
    return this.#encoder.bytes + this.#learner.bytes;
  }

  predictMany(rows: readonly FeatureRow[]): Prediction[] {
    const predictions = new Array<Prediction>(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const score = this.#learner.predict(this.#encoder.encode(rows[i]!, false));
      predictions[i] = { score, prediction: predictionOf(this.task, score) };
    }
    return predictions;
  }

  learn(example: TrainingExample): void {
    this.#examples += 1;
    const { target, weight } = example;
    if (!(Math.abs(target) <= MAX_MAGNITUDE) || !(weight >= 0 && weight <= MAX_MAGNITUDE)) {
      this.#skipped += 1;
      return;
    }
    this.#learner.learn(this.#encoder.encode(example.features, !this.observesArrivals), target, weight);
  }

  observe(row: FeatureRow): void {
    if (this.observesArrivals) this.#encoder.encode(row, true);
  }

  explain(row: FeatureRow, top: number): Explanation {
    const input = this.#encoder.encode(row, false);
    const parts = this.#learner.explain(input);
    const names = this.#encoder.features;
    const sums = new Float64Array(names.length);
    for (let i = 0; i < input.length; i++) sums[this.#encoder.owner(i)]! += parts.contributions[i]!;
    const contributions = names
      .map((feature, f) => ({ feature, value: row[feature] ?? null, contribution: sums[f]! }))
      .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
    return { bias: parts.bias, contributions: contributions.slice(0, Math.max(0, top)) };
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.kind} model`);
    writer.f64(this.#examples);
    writer.f64(this.#skipped);
    this.#encoder.save(writer);
    writer.bytes(this.#learner.save());
    return writer.finish();
  }
}
