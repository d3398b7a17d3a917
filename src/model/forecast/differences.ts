// Differencing of a series and back: (1 − B)^d (1 − B^m)^D, where B is the step back by one value.

import type { Past } from './past.ts';

export class Differences {
  /** Values back that a difference takes. */
  readonly reach: number;
  /** By age − 1: the coefficient of the value so far back. The present one's is 1. */
  readonly coefficients: Float64Array;

  constructor(order: number, seasonal: number, season: number) {
    this.reach = order + seasonal * season;
    let polynomial = [1];
    for (let i = 0; i < order; i++) polynomial = lessItself(polynomial, 1);
    for (let i = 0; i < seasonal; i++) polynomial = lessItself(polynomial, season);
    this.coefficients = Float64Array.from(polynomial.slice(1));
  }

  /** What the past adds to a value in its difference; `past` has at least `reach` values. */
  carried(past: Past): number {
    let sum = 0;
    for (let age = 0; age < this.coefficients.length; age++) {
      const coefficient = this.coefficients[age]!;
      if (coefficient !== 0) sum += coefficient * past.at(age);
    }
    return sum;
  }
}

/** Times 1 − B^steps. */
function lessItself(polynomial: readonly number[], steps: number): number[] {
  const product = [...polynomial, ...new Array<number>(steps).fill(0)];
  polynomial.forEach((coefficient, age) => (product[age + steps]! -= coefficient));
  return product;
}
