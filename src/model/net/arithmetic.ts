// What a neural net is computed with: one store of 32-bit floats and operations on parts of it. Two of them, equal to the bit.

/** Row by row from `at` on, an index into the store. `rows` of what is a batch may be any number; all other sizes are multiples of 4. */
export interface Matrix {
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
}

/** `lr`, `beta_1`, `beta_2`, `eps` as in Kingma, Ba 2015; `step` counts from 1. */
export interface AdamStep {
  readonly lr: number;
  readonly beta_1: number;
  readonly beta_2: number;
  readonly eps: number;
  readonly step: number;
  /** Factor on the gradient. */
  readonly scale: number;
  readonly l2: number;
}

/** Where parameters, their gradients and both moments begin. */
export interface AdamState {
  readonly weights: number;
  readonly gradients: number;
  readonly means: number;
  readonly squares: number;
  readonly count: number;
}

/** Adam's moments below it are 0. */
export const LEAST_MOMENT = 1e-30;

/** Sums are taken in the order stated, each step rounded to 32 bits. */
export interface Arithmetic {
  /** The store, all zeros at first. Another array after `reserve`. */
  readonly floats: Float32Array;
  /** Makes the store this long; what is in it is lost. */
  reserve(count: number): void;
  /** y = bias + x · w, by ascending row of w. The shapes are those of w and y. */
  affine(x: number, w: Matrix, bias: number, y: Matrix): void;
  /** dw = xᵀ · dy and db = column sums of dy, by ascending row of dy. */
  gradient(x: number, dy: Matrix, dw: Matrix, db: number): void;
  /** t = wᵀ. */
  transpose(w: Matrix, t: number): void;
  /** slope = 1 where y > 0, else 0; then y = max(y, 0). */
  rectify(y: number, slope: number, count: number): void;
  /** a = a · b, each by each. */
  multiply(a: number, b: number, count: number): void;
  /** In 64 bits: every fourth one summed, then (sum 0 + sum 2) + (sum 1 + sum 3). */
  sumOfSquares(a: number, count: number): number;
  adam(state: AdamState, step: AdamStep): void;
}

/** What Adam's step is per weight, as 32-bit numbers: worked out once, so that both arithmetics take the same. */
export function adamFactors(step: AdamStep) {
  const { fround } = Math;
  return {
    scale: fround(step.scale),
    l2: fround(step.l2),
    keepMean: fround(step.beta_1),
    addMean: fround(1 - step.beta_1),
    keepSquare: fround(step.beta_2),
    addSquare: fround(1 - step.beta_2),
    rate: fround(step.lr / (1 - step.beta_1 ** step.step)),
    correction: fround(1 / (1 - step.beta_2 ** step.step)),
    eps: fround(step.eps),
    least: fround(LEAST_MOMENT),
  };
}
