// FTRL-Proximal (McMahan et al. 2013, algorithm 1). River's order, the default, differs from the paper's in two ways: a weight is
// set when it is next learned (so it lags one update behind), and where |z| ≤ l1 it keeps its old value instead of zero. In the
// paper's order (`"order": "paper"`) it is what z and n say after each update: exactly zero where |z| ≤ l1.

import type { Input } from '../learner.ts';
import { arrayBytes } from '../memory.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { bounded, grown, type Optimizer, type StepCode } from './optimizer.ts';

export interface FtrlOptions {
  readonly alpha: number;
  readonly beta: number;
  readonly l1: number;
  readonly l2: number;
  readonly order: 'river' | 'paper';
}

export class Ftrl implements Optimizer {
  readonly name = 'ftrl';
  readonly #options: FtrlOptions;
  z: Float64Array = new Float64Array(0);
  n: Float64Array = new Float64Array(0);

  constructor(options: FtrlOptions) {
    this.#options = options;
  }

  get code(): StepCode {
    const { alpha, beta, l1, l2, order } = this.#options;
    const weight = (root: string) => `-(oZ - Math.sign(oZ) * ${l1}) / ((${beta} + ${root}) / ${alpha} + ${l2})`;
    const moved = `oSquare = oN + g * g; oRoot = Math.sqrt(oSquare); oNs[j] = oSquare;`;
    const river = `if (Math.abs(oZ) > ${l1}) w = ${weight('oFormer')};
      oZs[j] = oZ + (g - ((oRoot - oFormer) / ${alpha}) * w);`;
    const paper = `oZ = oZ + g - ((oRoot - oFormer) / ${alpha}) * w; oZs[j] = oZ;
      w = Math.abs(oZ) <= ${l1} ? 0 : ${weight('oRoot')};`;
    const step = `oZ = oZs[j]; oN = oNs[j]; oFormer = Math.sqrt(oN); ${moved} ${order === 'paper' ? paper : river}`;
    return {
      open: 'const oZs = optimizer.z, oNs = optimizer.n; let oZ, oN, oFormer, oSquare, oRoot;',
      step: (j) => step.replaceAll('[j]', `[${j}]`),
    };
  }

  get bytes(): number {
    return 64 + arrayBytes(this.z, this.n);
  }

  grow(capacity: number): void {
    this.z = grown(this.z, capacity);
    this.n = grown(this.n, capacity);
  }

  begin(): void {}

  step(j: number, weight: number, gradient: number): number {
    const { alpha, beta, l1, l2, order } = this.#options;
    const z = this.z[j]!;
    const n = this.n[j]!;
    if (order === 'paper') return this.#paperStep(j, weight, gradient);
    if (Math.abs(z) > l1) weight = -(z - Math.sign(z) * l1) / ((beta + Math.sqrt(n)) / alpha + l2);
    const squares = n + gradient * gradient;
    const sigma = (Math.sqrt(squares) - Math.sqrt(n)) / alpha;
    this.z[j] = z + (gradient - sigma * weight);
    this.n[j] = squares;
    return weight;
  }

  #paperStep(j: number, weight: number, gradient: number): number {
    const { alpha, beta, l1, l2 } = this.#options;
    const n = this.n[j]!;
    const squares = n + gradient * gradient;
    const z = this.z[j]! + gradient - ((Math.sqrt(squares) - Math.sqrt(n)) / alpha) * weight;
    this.z[j] = z;
    this.n[j] = squares;
    return Math.abs(z) <= l1 ? 0 : -(z - Math.sign(z) * l1) / ((beta + Math.sqrt(squares)) / alpha + l2);
  }

  stepSparse(x: Input, slope: number, weights: Float64Array): void {
    const { indexes, values, length } = x;
    for (let i = 0; i < length; i++) {
      const j = indexes[i]!;
      const weight = weights[j]!;
      weights[j] = bounded(this.step(j, weight, values[i]! * slope), weight);
    }
  }

  /**
   * The z that gives each weight back, so that learning goes on from it instead of from zero. Where nothing holds a weight at the
   * start (no beta, no l2) no z would: there it is held as if its gradients so far had been alpha.
   */
  adopt(weights: Float64Array, count: number): void {
    const { alpha, beta, l1, l2 } = this.#options;
    const held = beta / alpha + l2;
    for (let j = 0; j < count; j++) {
      const weight = weights[j]!;
      if (held === 0 && weight !== 0) this.n[j] = alpha * alpha;
      this.z[j] = -weight * (held || 1) - Math.sign(weight) * l1;
    }
  }

  save(writer: StateWriter, count: number): void {
    writer.floats(this.z, count);
    writer.floats(this.n, count);
  }

  load(reader: StateReader): void {
    this.z = reader.floats();
    this.n = reader.floats();
  }
}
