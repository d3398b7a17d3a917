// How often each class was taken for each: what accuracy, recall, F1 and kappa are made of.

export class Confusion {
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #said = new Map<string, number>();
  #hits = 0;
  examples = 0;

  /** `predicted` null: nothing was said, which is never right. */
  add(truth: string, predicted: string | null): void {
    let row = this.#counts.get(truth);
    if (!row) this.#counts.set(truth, (row = new Map()));
    const said = predicted ?? '';
    row.set(said, (row.get(said) ?? 0) + 1);
    if (predicted !== null) this.#said.set(said, (this.#said.get(said) ?? 0) + 1);
    if (predicted === truth) this.#hits += 1;
    this.examples += 1;
  }

  /** Classes that were true at least once, and how often. */
  get shares(): ReadonlyMap<string, number> {
    return new Map([...this.#counts].map(([name]) => [name, this.#of(name)]));
  }

  get accuracy(): number {
    return this.#hits / this.examples;
  }

  /** Mean recall over the classes that were true. */
  get balancedAccuracy(): number {
    return mean([...this.#counts.keys()].map((name) => this.#right(name) / this.#of(name)));
  }

  /** F1 of a class: 2 tp / (2 tp + fp + fn). */
  f1(name: string): number {
    const right = this.#right(name);
    return right === 0 ? 0 : (2 * right) / (this.#of(name) + (this.#said.get(name) ?? 0));
  }

  /** Mean F1 over the classes that were true or predicted. */
  get macroF1(): number {
    return mean([...new Set([...this.#counts.keys(), ...this.#said.keys()])].map((name) => this.f1(name)));
  }

  /** Cohen's. */
  get kappa(): number | null {
    let chance = 0;
    for (const name of this.#counts.keys())
      chance += (this.#of(name) / this.examples) * ((this.#said.get(name) ?? 0) / this.examples);
    return cohensKappa(this.accuracy, chance);
  }

  #right(name: string): number {
    return this.#counts.get(name)?.get(name) ?? 0;
  }
  #of(name: string): number {
    let sum = 0;
    for (const count of this.#counts.get(name)?.values() ?? []) sum += count;
    return sum;
  }
}

/**
 * Accuracy beyond what chance gives, as a share of what it leaves (Cohen 1960). Null where chance is never wrong.
 * @param chance the sum, over the classes, of the share that is true times the share that is said
 */
export function cohensKappa(accuracy: number, chance: number): number | null {
  return chance === 1 ? null : (accuracy - chance) / (1 - chance);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
