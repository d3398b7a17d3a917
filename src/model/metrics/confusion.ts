// How often each class was taken for each: what accuracy, recall, F1 and kappa are made of.

export class Confusion {
  readonly #counts = new Map<string, Map<string | null, number>>();
  readonly #truths = new Map<string, number>();
  readonly #said = new Map<string, number>();
  #hits = 0;
  /** Outcomes, by their weights. */
  examples = 0;

  /** `predicted` null: nothing was said, which is never right. A negative weight takes one away. */
  add(truth: string, predicted: string | null, weight = 1): void {
    let row = this.#counts.get(truth);
    if (!row) this.#counts.set(truth, (row = new Map()));
    count(row, predicted, weight);
    count(this.#truths, truth, weight);
    if (predicted !== null) count(this.#said, predicted, weight);
    if (predicted === truth) this.#hits += weight;
    if (row.size === 0) this.#counts.delete(truth);
    this.examples += weight;
  }

  /** Classes that were true at least once, by name, and how often: in an order that no history shows in. */
  get shares(): ReadonlyMap<string, number> {
    return new Map([...this.#truths].sort(byName));
  }

  get accuracy(): number {
    return this.#hits / this.examples;
  }

  /** Mean recall over the classes that were true. */
  get balancedAccuracy(): number {
    return mean([...this.shares].map(([name, times]) => this.#right(name) / times));
  }

  /** F1 of a class: 2 tp / (2 tp + fp + fn). */
  f1(name: string): number {
    const right = this.#right(name);
    return right === 0 ? 0 : (2 * right) / ((this.#truths.get(name) ?? 0) + (this.#said.get(name) ?? 0));
  }

  /** Mean F1 over the classes that were true or predicted. */
  get macroF1(): number {
    const names = [...new Set([...this.#truths.keys(), ...this.#said.keys()])].sort();
    return mean(names.map((name) => this.f1(name)));
  }

  /** The same, each class by how often it was true. */
  get weightedF1(): number {
    return [...this.shares].reduce((sum, [name, times]) => sum + this.f1(name) * times, 0) / this.examples;
  }

  /** Cohen's. */
  get kappa(): number | null {
    let chance = 0;
    for (const [name, times] of this.shares)
      chance += (times / this.examples) * ((this.#said.get(name) ?? 0) / this.examples);
    return cohensKappa(this.accuracy, chance);
  }

  /** Truth, what was said, and how often: by names. */
  get cells(): readonly (readonly [truth: string, said: string | null, times: number])[] {
    return [...this.#counts]
      .sort(byName)
      .flatMap(([truth, row]) => [...row].sort(byName).map(([said, times]) => [truth, said, times] as const));
  }

  #right(name: string): number {
    return this.#counts.get(name)?.get(name) ?? 0;
  }
}

/**
 * Accuracy beyond what chance gives, as a share of what it leaves (Cohen 1960). Null where chance is never wrong.
 * @param chance the sum, over the classes, of the share that is true times the share that is said
 */
export function cohensKappa(accuracy: number, chance: number): number | null {
  return chance === 1 ? null : (accuracy - chance) / (1 - chance);
}

function count<K>(counts: Map<K, number>, key: K, weight: number): void {
  const left = (counts.get(key) ?? 0) + weight;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}

function byName([a]: readonly [string | null, unknown], [b]: readonly [string | null, unknown]): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
