// FHDDM (Pesaranghader, Viktor 2016, "Fast Hoeffding drift detection method for evolving data streams"): the share of hits among the last
// `window` values is compared, by Hoeffding's inequality, with the greatest it ever was. As in River 0.26 the window moves on by itself.

import type { StateReader, StateWriter } from '../saved-state.ts';
import type { Detector, Verdict } from './detector.ts';

export interface FhddmOptions {
  readonly window: number;
  /** Chance of a false alarm. */
  readonly delta: number;
}

export class Fhddm implements Detector {
  readonly name = 'fhddm';
  readonly #window: number;
  readonly #bound: number;
  /** A ring: 1 for a hit. */
  readonly #hits: Uint8Array;
  #next = 0;
  /** Values in the ring; one less than its size from the first full one on. */
  #held = 0;
  #sum = 0;
  #share = 0;
  #greatest = 0;
  #drift = false;

  constructor({ window, delta }: FhddmOptions) {
    this.#window = window;
    this.#bound = Math.sqrt(Math.log(1 / delta) / (2 * window));
    this.#hits = new Uint8Array(window);
  }

  get bytes(): number {
    return 64 + this.#window;
  }

  get before(): number {
    return 1 - this.#greatest;
  }

  get after(): number {
    return 1 - this.#share;
  }

  update(value: number): Verdict {
    if (this.#drift) this.reset();
    const hit = value > 0.5 ? 0 : 1;
    // Where the ring is full, its oldest left with the value before.
    this.#hits[this.#next] = hit;
    this.#next = (this.#next + 1) % this.#window;
    this.#sum += hit;
    this.#held += 1;
    if (this.#held < this.#window) return 'none';
    this.#share = this.#sum / this.#window;
    this.#greatest = Math.max(this.#greatest, this.#share);
    this.#drift = this.#greatest - this.#share > this.#bound;
    this.#sum -= this.#hits[this.#next]!;
    this.#held -= 1;
    return this.#drift ? 'drift' : 'none';
  }

  reset(): void {
    this.#hits.fill(0);
    this.#next = this.#held = this.#sum = this.#share = this.#greatest = 0;
    this.#drift = false;
  }

  save(writer: StateWriter): void {
    writer.bytes(this.#hits);
    for (const value of [this.#next, this.#held, this.#sum]) writer.u32(value);
    writer.f64(this.#share);
    writer.f64(this.#greatest);
    writer.u32(Number(this.#drift));
  }

  load(reader: StateReader): void {
    this.#hits.set(reader.bytes());
    [this.#next, this.#held, this.#sum] = [reader.u32(), reader.u32(), reader.u32()];
    this.#share = reader.f64();
    this.#greatest = reader.f64();
    this.#drift = reader.u32() === 1;
  }
}
