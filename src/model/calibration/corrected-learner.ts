// A learner of a boolean whose probabilities are corrected: for the examples that it was not given, then by what came true. Learned
// prequentially: the calibrator sees what the learner says of an example before it learns it.

import type { Input, Learner } from '../learner.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import type { Calibrator } from './calibrator.ts';
import { Piecewise } from './piecewise.ts';
import { Platt } from './platt.ts';
import { UnderSampling } from './under-sampling.ts';

export interface Correction {
  readonly calibrate: 'none' | 'platt' | 'piecewise';
  /** Undefined: every example is learned. */
  readonly underSample: { readonly ratio: number } | undefined;
  /** Factors that the weights given have, by class: calibration is to the stream without them. */
  readonly classWeights: Readonly<Record<string, number>> | undefined;
}

const NAME = 'corrected learner';

export class CorrectedLearner implements Learner {
  /** As the learner's own. */
  readonly mend?: () => void;
  readonly #inner: Learner;
  readonly #calibrator: Calibrator | undefined;
  readonly #kind: Correction['calibrate'];
  readonly #sampling: UnderSampling | undefined;
  readonly #falseWeight: number;
  readonly #trueWeight: number;

  constructor(inner: Learner, { calibrate, underSample, classWeights }: Correction, seed: number) {
    this.#inner = inner;
    if (inner.mend) this.mend = () => inner.mend!();
    this.#kind = calibrate;
    this.#calibrator = calibrate === 'none' ? undefined : calibrate === 'platt' ? new Platt() : new Piecewise();
    this.#sampling = underSample && new UnderSampling(underSample.ratio, seed);
    this.#falseWeight = classWeights?.['false'] ?? 1;
    this.#trueWeight = classWeights?.['true'] ?? 1;
  }

  /** What was saved: the learner's own bytes, and the rest of the state where it has one. */
  static unpack(saved: Uint8Array): { readonly inner: Uint8Array; readonly rest: StateReader | undefined } {
    if (StateReader.nameOf(saved) !== NAME) return { inner: saved, rest: undefined };
    const rest = new StateReader(saved, NAME);
    return { inner: rest.bytes(), rest };
  }

  /** Goes on from a state that `unpack` gave; what another option learned is left out. */
  restore(rest: StateReader): void {
    const kind = rest.text();
    if (kind !== 'none') (kind === this.#kind ? this.#calibrator! : calibratorOf(kind)).load(rest);
    if (rest.u32() === 1) (this.#sampling ?? new UnderSampling(1, 0)).load(rest);
    rest.finish();
  }

  predict(x: Input): number {
    return this.#corrected(this.#inner.predict(x));
  }

  get weights(): Float64Array | undefined {
    return this.#inner.weights;
  }

  predictSum(sum: number): number {
    return this.#corrected(this.#inner.predictSum!(sum));
  }

  learn(x: Input, y: number, weight: number): void {
    if (this.#calibrator) {
      const factor = y > 0.5 ? this.#trueWeight : this.#falseWeight;
      this.#calibrator.learn(this.#among(this.#inner.predict(x)), y, factor > 0 ? weight / factor : 1);
    }
    if (this.#sampling === undefined || this.#sampling.takes(y)) this.#inner.learn(x, y, weight);
  }

  /** Of the learner's own log-odds. */
  explain(x: Input): ReturnType<Learner['explain']> {
    return this.#inner.explain(x);
  }

  get skipped(): number {
    return this.#inner.skipped ?? 0;
  }

  get bytes(): number {
    return this.#inner.bytes + (this.#calibrator?.bytes ?? 0);
  }

  save(): Uint8Array {
    const writer = new StateWriter(NAME);
    writer.bytes(this.#inner.save());
    writer.text(this.#kind);
    this.#calibrator?.save(writer);
    writer.u32(this.#sampling ? 1 : 0);
    this.#sampling?.save(writer);
    return writer.finish();
  }

  /** Among all examples, not only those that were learned. */
  #among(p: number): number {
    return this.#sampling ? this.#sampling.correct(p) : p;
  }

  #corrected(p: number): number {
    const among = this.#among(p);
    return this.#calibrator ? this.#calibrator.apply(among) : among;
  }
}

function calibratorOf(kind: string): Calibrator {
  return kind === 'platt' ? new Platt() : new Piecewise();
}
