// A learner of a boolean whose probabilities are corrected. Learned prequentially: the calibrator sees what the learner says of an
// example before it learns it.

import type { Input, Learner, LinearLearner } from '../learner.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { ScoreCorrection, type Correction } from './score-correction.ts';

const NAME = 'corrected learner';

export class CorrectedLearner implements Learner {
  /** As the learner's own. */
  readonly mend?: () => void;
  readonly #inner: Learner;
  readonly #correction: ScoreCorrection;

  constructor(inner: Learner, correction: Correction, seed: number) {
    this.#inner = inner;
    if (inner.mend) this.mend = () => inner.mend!();
    this.#correction = new ScoreCorrection(correction, seed);
  }

  /** What was saved: the learner's own bytes, and the rest of the state where it has one. */
  static unpack(saved: Uint8Array): { readonly inner: Uint8Array; readonly rest: StateReader | undefined } {
    if (StateReader.nameOf(saved) !== NAME) return { inner: saved, rest: undefined };
    const rest = new StateReader(saved, NAME);
    return { inner: rest.bytes(), rest };
  }

  /** Goes on from a state that `unpack` gave; what another option learned is left out. */
  restore(rest: StateReader): void {
    this.#correction.load(rest);
    rest.finish();
  }

  predict(x: Input): number {
    return this.#correction.apply(this.#inner.predict(x));
  }

  get linear(): LinearLearner | undefined {
    const inner = this.#inner.linear;
    if (inner === undefined) return undefined;
    const corrected = (p: number): number => this.#correction.apply(p);
    return {
      score: inner.score,
      said: { code: `corrected(${inner.said.code})`, uses: { ...inner.said.uses, corrected } },
    };
  }

  learn(x: Input, y: number, weight: number): void {
    if (this.#correction.calibrates) this.#correction.calibrate(this.#inner.predict(x), y, weight);
    if (this.#correction.takes(y)) this.#inner.learn(x, y, weight);
  }

  /** Of the learner's own log-odds. */
  explain(x: Input): ReturnType<Learner['explain']> {
    return this.#inner.explain(x);
  }

  get skipped(): number {
    return this.#inner.skipped ?? 0;
  }

  get bytes(): number {
    return this.#inner.bytes + this.#correction.bytes;
  }

  save(): Uint8Array {
    const writer = new StateWriter(NAME);
    writer.bytes(this.#inner.save());
    this.#correction.save(writer);
    return writer.finish();
  }
}
