// Watches how wrong a model is, for its getting worse. That it gets better is no drift.

import type { Judgement, LearnedTask } from '../model.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { createDetector, ERROR_DETECTORS } from './detector-options.ts';
import type { Detector, Verdict } from './detector.ts';
import type { DriftOptions } from './drift-options.ts';

/** A distance of so many usual ones is as bad as any: detectors want values from 0 to 1. */
const WORST = 10;
/** ADWIN has no warning of its own: another one with a chance so many times as great gives it. */
const WARNING_FACTOR = 10;
const MOST_CHANCE = 0.5;

export class LossWatch {
  readonly #warmUp: number;
  readonly #numbers: boolean;
  readonly #errors: boolean;
  readonly #detector: Detector;
  readonly #warning: Detector | undefined;
  #count = 0;
  /** Of numbers: the distance that counts as 1; the sum of those in the second half of the warm-up until then. */
  #unit = 0;
  before = 0;
  after = 0;

  constructor({ detector, warm_up, action }: DriftOptions, task: LearnedTask) {
    this.#warmUp = warm_up;
    this.#numbers = task === 'regression';
    this.#errors = ERROR_DETECTORS.includes(detector.name);
    this.#detector = createDetector(detector);
    if (detector.name === 'adwin' && action !== 'alarm')
      this.#warning = createDetector({ ...detector, delta: Math.min(MOST_CHANCE, WARNING_FACTOR * detector.delta) });
  }

  get name(): string {
    return this.#detector.name;
  }

  get bytes(): number {
    return 64 + this.#detector.bytes + (this.#warning?.bytes ?? 0);
  }

  /** After a drift `before` and `after` are the mean losses. */
  add(judged: Judgement): Verdict {
    this.#count += 1;
    if (this.#count <= this.#warmUp) {
      if (this.#count > this.#warmUp / 2) this.#unit += judged.loss;
      return 'none';
    }
    if (this.#numbers && this.#count === this.#warmUp + 1)
      this.#setUnit(this.#warmUp === 0 ? judged.loss : this.#unit / Math.ceil(this.#warmUp / 2));
    const value = this.#errors ? judged.wrong : this.#numbers ? Math.min(1, judged.loss / this.#unit) : judged.loss;
    const warned = this.#warning?.update(value) === 'drift' && this.#warning.after > this.#warning.before;
    const verdict = this.#detector.update(value);
    if (verdict !== 'drift') return warned ? 'warning' : verdict;
    const scale = this.#numbers ? this.#unit : 1;
    this.before = this.#detector.before * scale;
    this.after = this.#detector.after * scale;
    if (this.#numbers) this.#setUnit(this.after);
    return this.after > this.before ? 'drift' : 'none';
  }

  /** Another model is judged from here on. */
  reset(): void {
    this.#detector.reset();
    this.#warning?.reset();
  }

  save(writer: StateWriter): void {
    writer.f64(this.#count);
    writer.f64(this.#unit);
    this.#detector.save(writer);
    this.#warning?.save(writer);
  }

  load(reader: StateReader): void {
    this.#count = reader.f64();
    this.#unit = reader.f64();
    this.#detector.load(reader);
    this.#warning?.load(reader);
  }

  /** Values before and after another unit cannot be compared. */
  #setUnit(usual: number): void {
    this.#unit = usual > 0 ? usual * WORST : 1;
    this.reset();
  }
}
