// What an example teaches: a number to learn, and how much it counts.

import type { ClassList } from './class-list.ts';
import { MAX_MAGNITUDE } from './encoder/feature-value.ts';
import type { TrainingExample } from './model.ts';

export class ExampleReader {
  /** Of the example that was read last: 1/0 for binary, the number for regression, the class's index for multiclass. */
  target = 0;
  /** Of the same, its class's factor included. */
  weight = 0;
  readonly #classes: ClassList | undefined;
  readonly #classWeights: ReadonlyMap<string, number> | undefined;

  /**
   * @param classes of multiclass, undefined else; a new one is made known as it is read
   * @param classWeights factor on an example's weight by its class's text; undefined: 1 for all
   */
  constructor(classes: ClassList | undefined, classWeights: Readonly<Record<string, number>> | undefined) {
    this.#classes = classes;
    this.#classWeights = classWeights && new Map(Object.entries(classWeights));
  }

  /** False where nothing can be learned from it: see `skipped` of a model. */
  read(example: TrainingExample): boolean {
    const weight = this.#classWeights ? this.#weightOf(example, this.#classWeights) : example.weight;
    if (!(weight >= 0 && weight <= MAX_MAGNITUDE)) return false;
    this.weight = weight;
    this.target = this.#classes ? this.#indexOf(this.#classes, example) : example.target;
    return Math.abs(this.target) <= MAX_MAGNITUDE && !(this.#classes && this.target < 0);
  }

  #indexOf(classes: ClassList, { label }: TrainingExample): number {
    return label === undefined ? -1 : classes.take(label);
  }

  #weightOf(example: TrainingExample, weights: ReadonlyMap<string, number>): number {
    const name = this.#classes ? example.label : example.target > 0.5 ? 'true' : 'false';
    return example.weight * (name === undefined ? 1 : (weights.get(name) ?? 1));
  }
}
