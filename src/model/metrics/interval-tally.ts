// Quality of predicted quantiles: pinball loss, and how many labels fall between the lowest and the highest. Source: Koenker and
// Bassett, "Regression quantiles" (1978); Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation"
// (2007), section 6.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { ExactSum } from './exact-sum.ts';
import type { Baseline, MetricValue } from './outcome.ts';

/** What is measured of one outcome. */
export interface IntervalAnswer {
  /** Mean over the quantiles of (label − value) times the quantile, or times the quantile − 1 where the label is below. */
  readonly pinball: number;
  /** 1 where the label is between the lowest and the highest, ends included, else 0; NaN where there are not two. */
  readonly covered: number;
  /** Share that should be: highest − lowest. */
  readonly nominal: number;
}

/** Quantiles among the outputs: names that are numbers in (0, 1). Undefined: there is none. */
export function intervalAnswer(
  target: number,
  outputs: ReadonlyMap<string, number> | undefined,
): IntervalAnswer | undefined {
  if (outputs === undefined) return undefined;
  let loss = 0;
  let count = 0;
  let [lowest, highest, low, high] = [1, 0, Number.NaN, Number.NaN];
  for (const [name, value] of outputs) {
    const quantile = Number(name);
    if (!(quantile > 0 && quantile < 1) || !Number.isFinite(value)) continue;
    loss += (target - value) * (target < value ? quantile - 1 : quantile);
    count += 1;
    if (quantile < lowest) [lowest, low] = [quantile, value];
    if (quantile > highest) [highest, high] = [quantile, value];
  }
  if (count === 0) return undefined;
  const nominal = highest - lowest;
  return { pinball: loss / count, covered: count < 2 ? Number.NaN : Number(target >= low && target <= high), nominal };
}

export class IntervalTally {
  readonly #pinball = new ExactSum();
  readonly #nominal = new ExactSum();
  #examples = 0;
  #intervals = 0;
  #covered = 0;

  /** A negative weight takes an answer away. */
  add({ pinball, covered, nominal }: IntervalAnswer, weight: number): void {
    this.#pinball.add(weight * pinball);
    this.#examples += weight;
    if (Number.isNaN(covered)) return;
    this.#nominal.add(weight * nominal);
    this.#intervals += weight;
    this.#covered += weight * covered;
  }

  /** Share that should be between the bounds; null without any. */
  get nominal(): number | null {
    return this.#intervals <= 0 ? null : this.#nominal.value / this.#intervals;
  }

  /** Empty without quantiles. Coverage stands beside what was promised. @param baseline pinball loss of what uses no features */
  values(baseline: Baseline): MetricValue[] {
    if (this.#examples <= 0) return [];
    const values: MetricValue[] = [
      {
        metric: 'pinball',
        value: this.#pinball.value / this.#examples,
        baseline: baseline.value,
        baselineKind: baseline.value === null ? null : baseline.kind,
        examples: Math.round(this.#examples),
      },
    ];
    if (this.#intervals > 0)
      values.push({
        metric: 'coverage',
        value: this.#covered / this.#intervals,
        baseline: this.nominal,
        baselineKind: 'nominal',
        examples: Math.round(this.#intervals),
      });
    return values;
  }

  save(writer: StateWriter): void {
    for (const count of [this.#examples, this.#intervals, this.#covered]) writer.f64(count);
    this.#pinball.save(writer);
    this.#nominal.save(writer);
  }

  load(reader: StateReader): void {
    this.#examples = reader.f64();
    this.#intervals = reader.f64();
    this.#covered = reader.f64();
    this.#pinball.load(reader);
    this.#nominal.load(reader);
  }
}
