// A model without labels: an encoder and a learner that both learn every row as it arrives, and the running quantile that makes a
// score of what the learner says. The order is River's: what a row is scored with does not know it yet.

import type { Encoder } from '../encoder/encoder.ts';
import { explanationOf } from '../explanation.ts';
import type { Learner } from '../learner.ts';
import type { Explanation, FeatureRow, Model, ModelSettings, Prediction } from '../model.ts';
import { StateWriter } from '../saved-state.ts';
import type { RunningQuantile } from './running-quantile.ts';

export interface AnomalyModelParts {
  readonly kind: string;
  readonly settings: ModelSettings;
  readonly encoder: Encoder;
  /** Its `predict` is the raw score, the greater the stranger; its `learn` takes no heed of target and weight. */
  readonly learner: Learner;
  readonly ranks: RunningQuantile;
  readonly threshold: number;
  /** Rows before the first score. */
  readonly warmUp: number;
  readonly examples: number;
}

export class AnomalyModel implements Model {
  readonly task = 'anomaly';
  readonly learnsArrivals = true;
  readonly skipped = 0;
  readonly kind: string;
  readonly settings: ModelSettings;
  readonly #encoder: Encoder;
  readonly #learner: Learner;
  readonly #ranks: RunningQuantile;
  readonly #threshold: number;
  readonly #warmUp: number;
  #rows: number;
  /** The row scored last and its raw score, until another is learned: where rows come one by one it is the next that is learned. */
  #scored: FeatureRow | undefined;
  #scoredRaw = 0;

  constructor(parts: AnomalyModelParts) {
    this.kind = parts.kind;
    this.settings = parts.settings;
    this.#encoder = parts.encoder;
    this.#learner = parts.learner;
    this.#ranks = parts.ranks;
    this.#threshold = parts.threshold;
    this.#warmUp = parts.warmUp;
    this.#rows = parts.examples;
  }

  get notices(): readonly string[] {
    return this.#encoder.notices;
  }

  get examples(): number {
    return this.#rows;
  }

  get unusable(): number {
    return this.#encoder.unusable;
  }

  get bytes(): number {
    return this.#encoder.bytes + this.#learner.bytes + this.#ranks.bytes;
  }

  /** Before there are enough rows all are normal: score 0, raw 0. */
  predictMany(rows: readonly FeatureRow[]): Prediction[] {
    const predictions = new Array<Prediction>(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const raw = this.#raw(rows[i]!);
      const score = this.#ranks.share(raw);
      predictions[i] = { score, prediction: score > this.#threshold ? 'anomaly' : 'normal', outputs: { raw } };
    }
    return predictions;
  }

  /** Labels only measure. */
  learn(): void {}

  observe(row: FeatureRow): void {
    if (this.#ready) this.#ranks.add(row === this.#scored ? this.#scoredRaw : this.#raw(row));
    this.#scored = undefined;
    this.#learner.learn(this.#encoder.encode(row, true), 0, 1);
    this.#rows += 1;
  }

  /** Of the raw score. */
  explain(row: FeatureRow, top: number): Explanation {
    const input = this.#encoder.encode(row, false);
    const { bias, contributions } = explanationOf({ encoder: this.#encoder, learner: this.#learner }, row, input, top);
    if (this.#ready) return { bias, contributions };
    return { bias: 0, contributions: contributions.map((part) => ({ ...part, contribution: 0 })) };
  }

  save(): Uint8Array {
    const writer = new StateWriter(`${this.kind} model`);
    writer.f64(this.#rows);
    this.#encoder.save(writer);
    this.#ranks.save(writer);
    writer.bytes(this.#learner.save());
    return writer.finish();
  }

  get #ready(): boolean {
    return this.#rows >= this.#warmUp;
  }

  #raw(row: FeatureRow): number {
    if (!this.#ready) return 0;
    this.#scored = row;
    this.#scoredRaw = this.#learner.predict(this.#encoder.encode(row, false));
    return this.#scoredRaw;
  }
}
