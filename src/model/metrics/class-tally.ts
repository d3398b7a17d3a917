// Quality of predicted classes: a table of counts and exact sums, so that an outcome can be taken away as if it had never come.

import { ClassNames } from './class-names.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { Confusion } from './confusion.ts';
import { ExactSum } from './exact-sum.ts';
import { temporalKappa } from './no-change.ts';
import { stronger, type Baseline, type MetricName, type MetricValue, type Outcome } from './outcome.ts';

/** Probabilities end here before their logarithm is taken. */
const LOG_LOSS_CLIP = 1e-15;

/** Most frequent classes that have an F1 of their own. */
const SHOWN_CLASSES = 20;

/** What is measured of an outcome, its label's text aside. */
export interface ClassAnswer {
  readonly truth: string;
  /** Null: nothing was said. */
  readonly said: string | null;
  /** The probability that the truth was given. */
  readonly probability: number;
  /** Sum over the classes of (probability − 1 for the truth, 0 for the others)², from 0 to 2. */
  readonly squares: number;
}

export function answerOf(
  truth: string,
  said: string | null,
  outputs: ReadonlyMap<string, number> | undefined,
): ClassAnswer {
  const probability = outputs?.get(truth) ?? 0;
  let squares = outputs?.has(truth) ? 0 : 1;
  for (const [name, p] of outputs ?? []) squares += name === truth ? (1 - p) * (1 - p) : p * p;
  return { truth, said, probability, squares };
}

/** The answer to the label, or to the label before; undefined where there is none. */
export function answersOf(outcome: Outcome): { now: ClassAnswer | undefined; before: ClassAnswer | undefined } {
  const { label, priorLabel, prediction, outputs } = outcome;
  const to = (truth: string | null | undefined): ClassAnswer | undefined =>
    truth === null || truth === undefined ? undefined : answerOf(truth, prediction ?? null, outputs);
  return { now: to(label), before: to(priorLabel) };
}

/**
 * Exact, where all answers are at hand, oldest first. `weights`: what each counts, instead of 1; `rocAuc`: see `macroRocAuc`, undefined
 * where it is not worked out.
 */
export function classQuality(
  answers: readonly ClassAnswer[],
  {
    weights,
    rocAuc,
  }: { readonly weights?: Float64Array | undefined; readonly rocAuc?: number | null | undefined } = {},
): MetricValue[] {
  const tally = new ClassTally();
  for (const [i, answer] of answers.entries()) tally.add(answer, weights ? weights[i]! : 1, true);
  return tally.values(rocAuc);
}

export class ClassTally {
  readonly #confusion = new Confusion();
  readonly #logLoss = new ExactSum();
  readonly #squares = new ExactSum();
  readonly #names = new ClassNames();
  #last: string | undefined;
  #unchanged = 0;
  #compared = 0;

  /** A negative weight takes an answer away; `first`: it replaces none. */
  add(answer: ClassAnswer, weight: number, first: boolean): void {
    const { truth, said } = this.#names.named(answer);
    this.#confusion.add(truth, said, weight);
    this.#logLoss.add(-weight * Math.log(Math.min(Math.max(answer.probability, LOG_LOSS_CLIP), 1)));
    this.#squares.add(weight * answer.squares);
    if (!first) return;
    if (this.#last !== undefined) {
      this.#compared += weight;
      if (this.#last === truth) this.#unchanged += weight;
    }
    this.#last = truth;
  }

  /** @param rocAuc as of {@link classQuality} */
  values(rocAuc?: number | null): MetricValue[] {
    const confusion = this.#confusion;
    const all = confusion.examples;
    if (all <= 0) return [];
    const shares = [...confusion.shares].map(([, times]) => times / all);
    const greatest = shares.reduce((most, share) => Math.max(most, share), 0);
    const noChange = this.#compared === 0 ? null : this.#unchanged / this.#compared;
    const row = (metric: MetricName, value: number | null, baseline: Baseline): MetricValue => ({
      metric,
      value,
      baseline: baseline.value,
      baselineKind: baseline.kind,
      examples: Math.round(all),
    });
    const majority = (value: number): Baseline => ({ value, kind: 'majority_class' });
    const majorityF1 = (2 * greatest) / (1 + greatest);
    return [
      row(
        'accuracy',
        confusion.accuracy,
        stronger(majority(greatest), { value: noChange, kind: 'no_change' }, 'higher'),
      ),
      row('balanced_accuracy', confusion.balancedAccuracy, majority(1 / shares.length)),
      row('f1', confusion.macroF1, majority(majorityF1 / shares.length)),
      row('f1_weighted', confusion.weightedF1, majority(majorityF1 * greatest)),
      row('kappa', confusion.kappa, majority(0)),
      row('kappa_temporal', temporalKappa(confusion.accuracy, noChange), {
        value: noChange === null || noChange === 1 ? null : 0,
        kind: 'no_change',
      }),
      row('log_loss', this.#logLoss.value / all, {
        value: shares.reduce((sum, share) => sum - share * Math.log(share), 0),
        kind: 'base_rate',
      }),
      row('brier', this.#squares.value / all, {
        value: 1 - shares.reduce((sum, share) => sum + share * share, 0),
        kind: 'base_rate',
      }),
      ...(rocAuc === undefined
        ? []
        : [row('roc_auc', rocAuc, { value: rocAuc === null ? null : 0.5, kind: 'random' })]),
      ...this.#byClass(),
    ];
  }

  save(writer: StateWriter): void {
    this.#names.save(writer);
    const { cells } = this.#confusion;
    writer.u32(cells.length);
    for (const [truth, said, times] of cells) {
      writer.text(truth);
      writer.u32(said === null ? 0 : 1);
      writer.text(said ?? '');
      writer.f64(times);
    }
    this.#logLoss.save(writer);
    this.#squares.save(writer);
    writer.u32(this.#last === undefined ? 0 : 1);
    writer.text(this.#last ?? '');
    writer.f64(this.#unchanged);
    writer.f64(this.#compared);
  }

  load(reader: StateReader): void {
    this.#names.load(reader);
    for (let left = reader.u32(); left > 0; left--) {
      const truth = reader.text();
      const said = reader.u32() === 1;
      const name = reader.text();
      this.#confusion.add(truth, said ? name : null, reader.f64());
    }
    this.#logLoss.load(reader);
    this.#squares.load(reader);
    const last = reader.u32() === 1;
    const name = reader.text();
    this.#last = last ? name : undefined;
    this.#unchanged = reader.f64();
    this.#compared = reader.f64();
  }

  /** F1 of the most frequent classes, each beside always saying it. */
  #byClass(): MetricValue[] {
    const all = this.#confusion.examples;
    return [...this.#confusion.shares]
      .sort(([, a], [, b]) => b - a)
      .slice(0, SHOWN_CLASSES)
      .map(([name, times]) => ({
        metric: `f1:${name}`,
        value: this.#confusion.f1(name),
        baseline: (2 * times) / (times + all),
        baselineKind: 'always_this_class',
        examples: Math.round(times),
      }));
  }
}
