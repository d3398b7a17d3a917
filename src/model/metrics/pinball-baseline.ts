// What quantiles are compared with: those of all labels, which use no features, or the label before, said for every quantile.

import { QuantileSketch } from '../encoder/quantile-sketch.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { ExactSum } from './exact-sum.ts';
import { levelsOf, pinballOf } from './forecast-note.ts';
import { stronger, type Baseline } from './outcome.ts';

/**
 * Where all targets are at hand, oldest first: the best constant answers, known only afterwards. Quantiles are those of the last
 * outcome that had any. `weights`: what each counts, instead of 1.
 */
export function pinballBaseline(
  targets: Float64Array,
  notes: readonly (Float64Array | undefined)[],
  weights?: Float64Array,
): Baseline {
  const none: Baseline = { value: null, kind: 'quantile' };
  const told = notes.findLast((note) => note !== undefined && note[0]! > 0);
  if (told === undefined) return none;
  const levels = levelsOf(told);
  const places = Uint32Array.from(targets.keys()).filter((i) => (notes[i]?.[0] ?? 0) > 0);
  const ranked = weights
    ? places.slice().sort((a, b) => targets[a]! - targets[b]!)
    : Float64Array.from(places, (i) => targets[i]!).sort();
  const [sorted, sizes] = weights
    ? [Float64Array.from(ranked, (i) => targets[i]!), Float64Array.from(ranked, (i) => weights[i]!)]
    : [ranked as Float64Array, undefined];
  let all = 0;
  for (let i = 0; i < sorted.length; i++) all += sizes ? sizes[i]! : 1;
  let constant = 0;
  for (const level of levels) constant += lossOfBest(sorted, sizes, all, level) / levels.length;
  let [before, weight] = [0, 0];
  for (let n = 1; n < places.length; n++) {
    const one = weights ? weights[places[n]!]! : 1;
    before += one * pinballOf(targets[places[n - 1]!]!, targets[places[n]!]!, levels);
    weight += one;
  }
  const best: Baseline = { value: all > 0 ? constant / all : null, kind: 'quantile' };
  return stronger(best, { value: weight > 0 ? before / weight : null, kind: 'no_change' }, 'lower');
}

/** Sum of the losses of the value that makes it least: the quantile itself (Koenker and Bassett 1978). */
function lossOfBest(sorted: Float64Array, sizes: Float64Array | undefined, all: number, level: number): number {
  const sizeOf = (i: number): number => (sizes ? sizes[i]! : 1);
  let at = 0;
  for (let weight = sizeOf(0); weight < level * all && at < sorted.length - 1; weight += sizeOf(at)) at += 1;
  const value = sorted[at]!;
  let loss = 0;
  for (let i = 0; i < sorted.length; i++) {
    const distance = sorted[i]! - value;
    loss += sizeOf(i) * distance * (distance < 0 ? level - 1 : level);
  }
  return loss;
}

/** The same as outcomes come, for any number of them: quantiles of the labels so far, by rank within 1 %. It forgets nothing. */
export class RunningPinball {
  #sketch = new QuantileSketch();
  #last = Number.NaN;
  #count = 0;
  #compared = 0;
  readonly #quantiles = new ExactSum();
  readonly #noChange = new ExactSum();

  /** An outcome that replaces none. */
  add(target: number, note: Float64Array): void {
    const levels = levelsOf(note);
    if (levels.length === 0) return;
    let loss = 0;
    for (const level of levels) {
      const distance = target - this.#sketch.quantile(level);
      loss += distance * (distance < 0 ? level - 1 : level);
    }
    this.#quantiles.add(loss / levels.length);
    this.#count += 1;
    if (!Number.isNaN(this.#last)) {
      this.#noChange.add(pinballOf(this.#last, target, levels));
      this.#compared += 1;
    }
    this.#sketch.add(target);
    this.#last = target;
  }

  get baseline(): Baseline {
    const running: Baseline = {
      value: this.#count === 0 ? null : this.#quantiles.value / this.#count,
      kind: 'running_quantile',
    };
    const noChange = this.#compared === 0 ? null : this.#noChange.value / this.#compared;
    return stronger(running, { value: noChange, kind: 'no_change' }, 'lower');
  }

  save(writer: StateWriter): void {
    for (const value of [this.#last, this.#count, this.#compared]) writer.f64(value);
    this.#quantiles.save(writer);
    this.#noChange.save(writer);
    this.#sketch.save(writer);
  }

  load(reader: StateReader): void {
    this.#last = reader.f64();
    this.#count = reader.f64();
    this.#compared = reader.f64();
    this.#quantiles.load(reader);
    this.#noChange.load(reader);
    this.#sketch = new QuantileSketch(reader);
  }
}
