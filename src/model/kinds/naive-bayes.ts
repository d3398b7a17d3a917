// `naive_bayes`: P(class) · Π P(value | class), features taken as independent. Numbers are normal in each class, exactly as in
// River 0.26's GaussianNB (population variance, 1e-9 added to each density); text and booleans are counted, with Laplace's
// correction. NULL says nothing.

import { z } from 'zod';
import { classWeights, columnLearnerOptions, maxClasses } from '../encoder/encode-options.ts';
import type { Input, Kind, Layout, Learner } from '../learner.ts';
import type { LearnedTask } from '../model.ts';
import { grown } from '../optimizers/optimizer.ts';
import { parseOptions } from '../options.ts';
import { StateReader, StateWriter } from '../saved-state.ts';
import { ClassStatistics } from './class-statistics.ts';
import { firstGreatest } from './softmax.ts';

const naiveBayesOptions = z.strictObject({
  ...columnLearnerOptions,
  /** Added to the count of every category. */
  alpha: z.number().positive().max(1e6).default(1),
  class_weights: classWeights,
  max_classes: maxClasses,
});

type NaiveBayesOptions = z.infer<typeof naiveBayesOptions>;

/** River's: no density is less, so that one strange value does not rule a class out. */
const LEAST_DENSITY = 1e-9;
/** Weights of classes stay below: their sums are finite. */
const MAX_WEIGHT = 1e100;

export class NaiveBayes implements Learner {
  readonly #task: LearnedTask;
  readonly #alpha: number;
  readonly #layout: Layout;
  readonly #classes: ClassStatistics[] = [];
  /** By column: distinct codes seen, and by code whether it was. */
  #distinct: Float64Array = new Float64Array(0);
  readonly #seen: Float64Array[] = [];
  #outputs: Float64Array = new Float64Array(4);

  constructor(task: LearnedTask, options: NaiveBayesOptions, layout: Layout) {
    this.#task = task;
    this.#alpha = options.alpha;
    this.#layout = layout;
  }

  static load(task: LearnedTask, options: NaiveBayesOptions, layout: Layout, saved: Uint8Array): NaiveBayes {
    const learner = new NaiveBayes(task, options, layout);
    const reader = new StateReader(saved, `naive Bayes ${task} learner`);
    learner.#distinct = reader.floats();
    for (let j = 0; j < learner.#distinct.length; j++) learner.#seen.push(reader.floats());
    for (let left = reader.u32(); left > 0; left--) learner.#add(ClassStatistics.load(reader));
    reader.finish();
    return learner;
  }

  get bytes(): number {
    const seen = this.#seen.reduce((sum, one) => sum + 16 + one.byteLength, this.#distinct.byteLength);
    return this.#classes.reduce((sum, one) => sum + one.bytes, seen + this.#outputs.byteLength);
  }

  predict(x: Input): number {
    const outputs = this.outputs(x);
    if (this.#task === 'multiclass') return this.#known() ? firstGreatest(outputs, this.#classes.length) : -1;
    return this.#known() ? (this.#classes.length > 1 ? outputs[1]! : 0) : 0.5;
  }

  outputs(x: Input): Float64Array {
    const outputs = this.#outputs;
    const count = this.#classes.length;
    let all = 0;
    for (let c = 0; c < count; c++) all += this.#classes[c]!.total;
    let greatest = -Infinity;
    for (let c = 0; c < count; c++) {
      const one = this.#classes[c]!;
      let log = one.total > 0 ? Math.log(one.total / all) : -Infinity;
      if (log !== -Infinity)
        for (let i = 0; i < x.length; i++) log += this.#logLikelihood(one, x.indexes[i]!, x.values[i]!);
      outputs[c] = log;
      if (log > greatest) greatest = log;
    }
    let sum = 0;
    for (let c = 0; c < count; c++) sum += outputs[c] = greatest === -Infinity ? 0 : Math.exp(outputs[c]! - greatest);
    for (let c = 0; c < count; c++) outputs[c] = sum > 0 ? outputs[c]! / sum : 0;
    return outputs;
  }

  learn(x: Input, y: number, weight: number): void {
    const c = this.#task === 'binary' ? Number(y > 0.5) : y;
    this.#reserve(x, c);
    const one = this.#classes[c]!;
    if (weight === 0 || one.total + weight > MAX_WEIGHT) return;
    one.total += weight;
    for (let i = 0; i < x.length; i++) {
      const value = x.values[i]!;
      if (value !== value) continue;
      const j = x.indexes[i]!;
      if (this.#layout.nominal(j)) {
        one.addCode(j, value, weight);
        this.#see(j, value);
      } else one.addNumber(j, value, weight);
    }
  }

  /** Log-odds of true, or of the most probable class against the next one: what each feature adds is exact. */
  explain(x: Input): { readonly bias: number; readonly contributions: Float64Array } {
    const contributions = new Float64Array(x.length);
    const outputs = this.outputs(x).slice(0, this.#classes.length);
    let best = 1;
    let next = 0;
    if (this.#task === 'multiclass') {
      best = firstGreatest(outputs, outputs.length);
      if (best >= 0) outputs[best] = -1;
      next = firstGreatest(outputs, outputs.length);
    }
    const [winner, other] = [this.#classes[best], this.#classes[next]];
    // With one class alone there is nothing to compare with.
    if (!winner || !other || best === next || winner.total === 0 || other.total === 0)
      return { bias: 0, contributions };
    for (let i = 0; i < x.length; i++) {
      const [j, value] = [x.indexes[i]!, x.values[i]!];
      contributions[i] = this.#logLikelihood(winner, j, value) - this.#logLikelihood(other, j, value);
    }
    return { bias: Math.log(winner.total) - Math.log(other.total), contributions };
  }

  save(): Uint8Array {
    const writer = new StateWriter(`naive Bayes ${this.#task} learner`);
    writer.floats(this.#distinct);
    for (const seen of this.#seen) writer.floats(seen);
    writer.u32(this.#classes.length);
    for (const one of this.#classes) one.save(writer);
    return writer.finish();
  }

  #known(): boolean {
    for (let c = 0; c < this.#classes.length; c++) if (this.#classes[c]!.total > 0) return true;
    return false;
  }

  /** 0 where nothing is known: of NULL, and of a column that was never learned. */
  #logLikelihood(one: ClassStatistics, j: number, value: number): number {
    if (value !== value || j >= this.#distinct.length) return 0;
    if (!this.#layout.nominal(j)) return Math.log(LEAST_DENSITY + one.density(j, value));
    const count = one.counts[j]![value] ?? 0;
    return Math.log((count + this.#alpha) / (one.weights[j]! + this.#alpha * Math.max(1, this.#distinct[j]!)));
  }

  #see(j: number, code: number): void {
    let seen = this.#seen[j]!;
    if (code >= seen.length) this.#seen[j] = seen = grown(seen, Math.max(4, code + 1, seen.length * 2));
    if (seen[code] === 0) {
      seen[code] = 1;
      this.#distinct[j]! += 1;
    }
  }

  #reserve(x: Input, y: number): void {
    let columns = this.#distinct.length;
    for (let i = 0; i < x.length; i++) if (x.indexes[i]! >= columns) columns = x.indexes[i]! + 1;
    if (columns === this.#distinct.length && y < this.#classes.length) return;
    while (this.#classes.length <= y) this.#add(new ClassStatistics());
    this.#distinct = grown(this.#distinct, columns);
    while (this.#seen.length < columns) this.#seen.push(new Float64Array(0));
    for (const one of this.#classes) one.grow(columns);
  }

  #add(one: ClassStatistics): void {
    this.#classes.push(one);
    if (this.#classes.length > this.#outputs.length) this.#outputs = new Float64Array(this.#classes.length * 2);
  }
}

export const naiveBayes: Kind = {
  name: 'naive_bayes',
  tasks: ['binary', 'multiclass'],
  inputs: 'columns',
  options: naiveBayesOptions,
  create(options, task, _seed, layout) {
    return new NaiveBayes(task, parseOptions(naiveBayesOptions, options), layout);
  },
  load(options, task, saved, layout) {
    return NaiveBayes.load(task, parseOptions(naiveBayesOptions, options), layout, saved);
  },
};
