// The probability of a boolean, corrected: for the examples that were not learned, then by what came true.

import type { StateReader, StateWriter } from '../saved-state.ts';
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

export class ScoreCorrection {
  readonly #calibrator: Calibrator | undefined;
  readonly #kind: Correction['calibrate'];
  readonly #sampling: UnderSampling | undefined;
  readonly #falseWeight: number;
  readonly #trueWeight: number;

  constructor({ calibrate, underSample, classWeights }: Correction, seed: number) {
    this.#kind = calibrate;
    this.#calibrator = calibratorOf(calibrate);
    this.#sampling = underSample && new UnderSampling(underSample.ratio, seed);
    this.#falseWeight = classWeights?.['false'] ?? 1;
    this.#trueWeight = classWeights?.['true'] ?? 1;
  }

  /** A state whose correction is not asked for any more. */
  static skip(reader: StateReader): void {
    new ScoreCorrection({ calibrate: 'none', underSample: undefined, classWeights: undefined }, 0).load(reader);
  }

  get bytes(): number {
    return this.#calibrator?.bytes ?? 0;
  }

  /** The corrected probability, from the one that was learned. */
  apply(p: number): number {
    const among = this.#among(p);
    return this.#calibrator ? this.#calibrator.apply(among) : among;
  }

  /** Examples are to be given to {@link calibrate}. */
  get calibrates(): boolean {
    return this.#calibrator !== undefined;
  }

  /** @param p what the model itself said of the example before it learned it */
  calibrate(p: number, target: number, weight: number): void {
    const factor = target > 0.5 ? this.#trueWeight : this.#falseWeight;
    this.#calibrator?.learn(this.#among(p), target, factor > 0 ? weight / factor : 1);
  }

  /** Whether the example is to be learned. */
  takes(target: number): boolean {
    return this.#sampling === undefined || this.#sampling.takes(target);
  }

  save(writer: StateWriter): void {
    writer.text(this.#kind);
    this.#calibrator?.save(writer);
    writer.u32(this.#sampling ? 1 : 0);
    this.#sampling?.save(writer);
  }

  /** What another option learned is left out. */
  load(reader: StateReader): void {
    const kind = reader.text() as Correction['calibrate'];
    (kind === this.#kind ? this.#calibrator : calibratorOf(kind))?.load(reader);
    if (reader.u32() === 1) (this.#sampling ?? new UnderSampling(1, 0)).load(reader);
  }

  /** Among all examples, not only those that were learned. */
  #among(p: number): number {
    return this.#sampling ? this.#sampling.correct(p) : p;
  }
}

function calibratorOf(kind: Correction['calibrate']): Calibrator | undefined {
  if (kind === 'none') return undefined;
  return kind === 'platt' ? new Platt() : new Piecewise();
}
