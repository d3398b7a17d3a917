// The classes that are told apart by what is measured, numbered as they came. A name that is known stays known, and none comes
// beyond the cap: so an outcome that is taken away has the names that it was added with.

import type { StateReader, StateWriter } from '../saved-state.ts';

/** Later ones share {@link OTHER_CLASS}. */
export const MAX_MEASURED_CLASSES = 1_000;
export const OTHER_CLASS = 'other';

export class ClassNames {
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();

  /** A truth beyond the cap is {@link OTHER_CLASS}; such an answer is null (never right), unless it is the truth. */
  named({ truth, said }: { truth: string; said: string | null }): { truth: string; said: string | null } {
    const name = this.#numberOf(truth) === undefined ? OTHER_CLASS : truth;
    if (said === null || said === truth) return { truth: name, said: said === null ? null : name };
    return { truth: name, said: this.#numberOf(said) === undefined ? null : said };
  }

  /** Of a name that `named` gave. */
  numberOf(name: string): number {
    return this.#numberOf(name) ?? MAX_MEASURED_CLASSES;
  }

  nameOf(number: number): string {
    return this.#names[number] ?? OTHER_CLASS;
  }

  save(writer: StateWriter): void {
    writer.u32(this.#names.length);
    for (const name of this.#names) writer.text(name);
  }

  load(reader: StateReader): void {
    for (let left = reader.u32(); left > 0; left--) this.#numberOf(reader.text());
  }

  /** Undefined where there is no room for it. */
  #numberOf(name: string): number | undefined {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#names.length >= MAX_MEASURED_CLASSES) return undefined;
    this.#numbers.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }
}
