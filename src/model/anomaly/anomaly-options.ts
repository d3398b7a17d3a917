// Options of kinds that learn without labels, beside their own.

import { z } from 'zod';

export const anomalyOptions = {
  /** A score above it is an anomaly. */
  threshold: z.number().min(0).max(1).default(0.99),
  /** Rows that count for the score, at most; older ones are forgotten. */
  memory: z.int().min(100).max(1_000_000_000).optional(),
};

/** Rows before the first score: until then every row is normal. */
export const warmUp = z.int().min(1).max(1_000_000_000);

export interface AnomalyOptions {
  readonly threshold?: number | undefined;
  readonly memory?: number | undefined;
  readonly warm_up?: number | undefined;
}
