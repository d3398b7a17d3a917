// The classes of a multiclass model, in the order in which they were first learned: a class is its index here.

import { asKey } from './class-prediction.ts';
import type { StateReader, StateWriter } from './saved-state.ts';
import { MAX_CLASS_LENGTH } from './target.ts';

export class ClassList {
  readonly #max: number;
  readonly #names: string[] = [];
  readonly #indexes = new Map<string, number>();

  /** @param max more are not taken, but all that were saved are kept */
  constructor(max: number, saved?: StateReader) {
    this.#max = max;
    for (let left = saved?.u32() ?? 0; left > 0; left--) this.#push(saved!.text());
  }

  get names(): readonly string[] {
    return this.#names;
  }

  get bytes(): number {
    return this.#names.length * 80;
  }

  /** The class's index, made if it is new; -1 where there is no room for it. */
  take(name: string): number {
    const index = this.#indexes.get(name);
    if (index !== undefined) return index;
    if (this.#names.length >= this.#max || name.length > MAX_CLASS_LENGTH) return -1;
    return this.#push(name);
  }

  save(writer: StateWriter): void {
    writer.u32(this.#names.length);
    for (const name of this.#names) writer.text(name);
  }

  #push(name: string): number {
    this.#indexes.set(name, this.#names.length);
    return this.#names.push(asKey(name)) - 1;
  }
}
