// What the oracle did, counted: comparisons of non-NULL values for each operator and function, and what was set aside and why.

export class Tally {
  readonly #comparisons = new Map<string, number>();
  readonly #aside = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  /** Histories begun, and asked for: fewer were begun where the time limit came first. */
  cases = 0;
  planned = 0;
  views = 0;
  compared = 0;
  commits = 0;
  emissions = 0;
  deadLetters = 0;
  deletes = 0;
  reopened = 0;

  count(uses: readonly string[]): void {
    this.compared++;
    for (const use of new Set(uses)) this.#comparisons.set(use, (this.#comparisons.get(use) ?? 0) + 1);
  }

  setAside(reason: string): void {
    this.#aside.set(reason, (this.#aside.get(reason) ?? 0) + 1);
  }

  refuse(reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
  }

  get refused(): number {
    return [...this.#refused.values()].reduce((sum, n) => sum + n, 0);
  }

  get asideTotal(): number {
    return [...this.#aside.values()].reduce((sum, n) => sum + n, 0);
  }

  of(use: string): number {
    return this.#comparisons.get(use) ?? 0;
  }

  /** Those of `uses` that were compared fewer than `least` times. */
  below(uses: readonly string[], least: number): string[] {
    return [...new Set(uses)].filter((use) => this.of(use) < least).map((use) => `${use}: ${this.of(use)}`);
  }

  report(title: string): string {
    const table = (map: ReadonlyMap<string, number>): string =>
      [...map]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, n]) => `${name} ${n}`)
        .join(' · ');
    return [
      `${title}: ${this.planned > 0 ? `${this.cases} of ${this.planned} histories, ` : ''}${this.views} views, ${this.commits} commits judged, ${this.emissions} rows of features, ${this.deletes} deletes, ${this.deadLetters} dead letters, ${this.compared} non-NULL comparisons, reopened ${this.reopened} times`,
      `  refused ${this.refused}: ${table(this.#refused) || 'none'}`,
      `  set aside ${this.asideTotal}: ${table(this.#aside) || 'none'}`,
      `  comparisons for each operator and function: ${table(this.#comparisons)}`,
    ].join('\n');
  }
}
