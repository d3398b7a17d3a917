// How strange a raw score is among those before it: a share of rows, whatever the raw score's own scale.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { TailSketch } from './tail-sketch.ts';

/** With a memory: parts of it, each forgotten as a whole. */
const PANES = 4;

/**
 * 1 less the p-value of conformal anomaly detection (Laxhammar, Falkman 2010, "Conformal prediction for distribution-independent
 * anomaly detection in streaming vessel data"): the share of raw scores so far, this one counted, that are below it. If rows come
 * in random order no more than a share 1 − q of them is above q. The n-th raw score has at most (n − 1) / n, so nothing is above 0.99 before
 * 100 were seen.
 */
export class RunningQuantile {
  readonly #pane: number;
  readonly #panes: TailSketch[] = [];
  readonly #seed: number;
  #started = 0;

  /** @param memory raw scores that count, at most; the oldest quarter is forgotten at once. Undefined: all. */
  constructor(seed: number, memory: number | undefined, saved?: StateReader) {
    this.#pane = memory === undefined ? Infinity : Math.ceil(memory / PANES);
    this.#seed = saved ? saved.u32() : seed >>> 0;
    if (!saved) return;
    this.#started = saved.f64();
    for (let left = saved.u32(); left > 0; left--) this.#panes.push(new TailSketch(0, saved));
  }

  /** Raw scores that count. */
  get count(): number {
    let count = 0;
    for (const pane of this.#panes) count += pane.count;
    return count;
  }

  get bytes(): number {
    return this.#panes.reduce((sum, pane) => sum + pane.bytes, 64);
  }

  add(raw: number): void {
    let last = this.#panes.at(-1);
    if (last === undefined || last.count >= this.#pane) {
      last = new TailSketch((this.#seed + this.#started++) >>> 0);
      this.#panes.push(last);
      while (this.#panes.length > PANES) this.#panes.shift();
    }
    last.add(raw);
  }

  /** From 0 to below 1. */
  share(raw: number): number {
    let count = 0;
    let above = 0;
    for (let i = 0; i < this.#panes.length; i++) {
      count += this.#panes[i]!.count;
      above += this.#panes[i]!.atLeast(raw);
    }
    return (count - above) / (count + 1);
  }

  /** Raw scores above it are among the highest `share` of all, as `share` tells; null: none can be yet. */
  valueAt(share: number): number | null {
    const allowed = share * (this.count + 1);
    if (allowed < 1) return null;
    const kept = this.#panes.flatMap((pane) => pane.kept()).sort((a, b) => b.value - a.value);
    let atLeast = 0;
    for (const { value, weight } of kept) {
      atLeast += weight;
      if (atLeast + 1 > allowed) return value;
    }
    return null;
  }

  save(writer: StateWriter): void {
    writer.u32(this.#seed);
    writer.f64(this.#started);
    writer.u32(this.#panes.length);
    for (const pane of this.#panes) pane.save(writer);
  }
}
