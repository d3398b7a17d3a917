// What naive Bayes knows of one class: for each column of numbers mean and spread, for each of categories how often each came.

import { arrayBytes, LIST_BYTES } from '../memory.ts';
import { grown } from '../optimizers/optimizer.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';

const NONE = new Float64Array(0);

export class ClassStatistics {
  /** Weight of its examples. */
  total = 0;
  /** By column: weight of the examples that had a value. */
  weights: Float64Array = NONE;
  means: Float64Array = NONE;
  /** Sum of squared deviations. */
  squares: Float64Array = NONE;
  /** By column, then by code; empty for numbers. */
  readonly counts: Float64Array[] = [];

  static load(reader: StateReader): ClassStatistics {
    const loaded = new ClassStatistics();
    loaded.total = reader.f64();
    loaded.weights = reader.floats();
    loaded.means = reader.floats();
    loaded.squares = reader.floats();
    for (let j = 0; j < loaded.weights.length; j++) {
      const counts = reader.floats();
      loaded.counts.push(counts.length === 0 ? NONE : counts);
    }
    return loaded;
  }

  get bytes(): number {
    const own = 64 + LIST_BYTES + arrayBytes(this.weights, this.means, this.squares);
    return this.counts.reduce((sum, counts) => sum + 8 + (counts.length === 0 ? 0 : arrayBytes(counts)), own);
  }

  /** Room for this many columns. */
  grow(columns: number): void {
    if (columns <= this.weights.length) return;
    this.weights = grown(this.weights, columns);
    this.means = grown(this.means, columns);
    this.squares = grown(this.squares, columns);
    while (this.counts.length < columns) this.counts.push(NONE);
  }

  /** Welford's, weighted. */
  addNumber(j: number, x: number, weight: number): void {
    const total = (this.weights[j]! += weight);
    const before = this.means[j]!;
    const mean = before + (weight / total) * (x - before);
    this.means[j] = mean;
    this.squares[j]! += weight * (x - before) * (x - mean);
  }

  addCode(j: number, code: number, weight: number): void {
    let counts = this.counts[j]!;
    if (code >= counts.length) this.counts[j] = counts = grown(counts, Math.max(4, code + 1, counts.length * 2));
    counts[code]! += weight;
    this.weights[j]! += weight;
  }

  /** Density of the normal distribution with the class's mean and population variance; 0 while there is no spread. */
  density(j: number, x: number): number {
    const variance = this.squares[j]! / this.weights[j]!;
    if (!(variance > 0)) return 0;
    const distance = x - this.means[j]!;
    return Math.exp((distance * distance) / (-2 * variance)) / Math.sqrt(2 * Math.PI * variance);
  }

  save(writer: StateWriter): void {
    writer.f64(this.total);
    writer.floats(this.weights);
    writer.floats(this.means);
    writer.floats(this.squares);
    for (const counts of this.counts) writer.floats(counts);
  }
}
