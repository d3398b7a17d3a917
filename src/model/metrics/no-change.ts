// The answer that is hard to beat where labels come in runs: the label of the outcome before. Source: Bifet, Read, Žliobaitė,
// Pfahringer and Holmes, "Pitfalls in benchmarking data stream classification and how to avoid them" (2013); kappa-temporal:
// Žliobaitė, Bifet, Read, Pfahringer and Holmes, "Evaluation methods and decision theory for classification of streaming data
// with temporal dependence" (2015), section 4.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { cohensKappa } from './confusion.ts';
import { ExactSum } from './exact-sum.ts';
import { relativeError } from './relative-error.ts';

/** Truths after truths, as if each were an answer to the next. An outcome counts once, as it first came. */
export class NoChangeClasses {
  /** NaN: none yet. */
  #last = Number.NaN;
  /** By truth before and truth after. */
  readonly #counts = new Float64Array(4);

  add(target: number, weight: number): void {
    const truth = target > 0.5 ? 1 : 0;
    if (!Number.isNaN(this.#last)) this.#counts[this.#last * 2 + truth]! += weight;
    this.#last = truth;
  }

  get accuracy(): number | null {
    const [negatives, rises, falls, positives] = this.#counts as unknown as [number, number, number, number];
    const all = negatives + rises + falls + positives;
    return all === 0 ? null : (negatives + positives) / all;
  }

  get f1(): number | null {
    const [, rises, falls, positives] = this.#counts as unknown as [number, number, number, number];
    const named = 2 * positives + rises + falls;
    return named === 0 ? null : (2 * positives) / named;
  }

  get balancedAccuracy(): number | null {
    const [negatives, rises, falls, positives] = this.#counts as unknown as [number, number, number, number];
    if (negatives + falls === 0 || positives + rises === 0) return null;
    return (negatives / (negatives + falls) + positives / (positives + rises)) / 2;
  }

  get kappa(): number | null {
    const [negatives, rises, falls, positives] = this.#counts as unknown as [number, number, number, number];
    const all = negatives + rises + falls + positives;
    if (all === 0) return null;
    const chance =
      ((positives + rises) / all) * ((positives + falls) / all) +
      ((negatives + falls) / all) * ((negatives + rises) / all);
    return cohensKappa((negatives + positives) / all, chance);
  }

  save(writer: StateWriter): void {
    writer.f64(this.#last);
    writer.floats(this.#counts);
  }

  load(reader: StateReader): void {
    this.#last = reader.f64();
    this.#counts.set(reader.floats());
  }
}

/** The same for numbers: errors of the number before. */
export class NoChangeNumbers {
  #last = Number.NaN;
  #weight = 0;
  readonly #absolute = new ExactSum();
  readonly #squared = new ExactSum();
  readonly #relative = new ExactSum();

  add(target: number, weight: number): void {
    const last = this.#last;
    if (!Number.isNaN(last)) {
      this.#weight += weight;
      this.#absolute.add(weight * Math.abs(last - target));
      this.#squared.add(weight * (last - target) * (last - target));
      this.#relative.add(weight * relativeError(last, target));
    }
    this.#last = target;
  }

  /** Mean errors, the squared one not rooted. Undefined before the second outcome. */
  get errors(): { readonly absolute: number; readonly squared: number; readonly relative: number } | undefined {
    const weight = this.#weight;
    if (weight === 0) return undefined;
    return {
      absolute: this.#absolute.value / weight,
      squared: this.#squared.value / weight,
      relative: this.#relative.value / weight,
    };
  }

  save(writer: StateWriter): void {
    writer.f64(this.#last);
    writer.f64(this.#weight);
    for (const sum of [this.#absolute, this.#squared, this.#relative]) sum.save(writer);
  }

  load(reader: StateReader): void {
    this.#last = reader.f64();
    this.#weight = reader.f64();
    for (const sum of [this.#absolute, this.#squared, this.#relative]) sum.load(reader);
  }
}

/** Accuracy beyond what no change gives, as a share of what it leaves. Null where no change is never wrong, or is not known. */
export function temporalKappa(accuracy: number, noChange: number | null): number | null {
  return noChange === null ? null : cohensKappa(accuracy, noChange);
}
