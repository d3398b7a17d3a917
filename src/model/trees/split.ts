// Choosing a split by Hoeffding's bound (Domingos, Hulten 2000), and the options of every Hoeffding tree.

import { z } from 'zod';

export interface Split {
  readonly feature: number;
  readonly threshold: number;
  readonly nominal: boolean;
  /** What the children start with, in the form of the leaves that made it. */
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly leftWeight: number;
  readonly rightWeight: number;
}

export const splitOptions = {
  /** Weight that a leaf sees from one try to split to the next. */
  grace_period: z.number().min(1).max(1e9).default(200),
  /** Chance of a wrong choice. */
  delta: z.number().gt(0).lt(1).default(1e-7),
  /** Below this bound the best two are as good as equal, and one is taken. */
  tau: z.number().min(0).max(1).default(0.05),
  max_depth: z.int().min(1).max(100).default(30),
  /** Least share of the weight on either side of a split. */
  min_branch_fraction: z.number().min(0).lt(0.5).default(0.01),
  /** Of statistics, in a tree. */
  max_bytes: z.int().min(65_536).max(2_147_483_648).default(8_388_608),
};

export interface SplitOptions {
  readonly grace_period: number;
  readonly delta: number;
  readonly tau: number;
  readonly max_depth: number;
  readonly min_branch_fraction: number;
  readonly max_bytes: number;
}

/** √(range² · ln(1/delta) / 2n) */
export function hoeffdingBound(range: number, delta: number, weight: number): number {
  return Math.sqrt((range * range * Math.log(1 / delta)) / (2 * weight));
}
