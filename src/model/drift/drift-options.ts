// `model => '{"drift": {…}}'`: what is watched, by what, and what is done. docs/models.md, section Drift.

import { z } from 'zod';
import { detectorOptions } from './detector-options.ts';

const SIGNALS = ['loss', 'score', 'features'] as const;

export const driftOptions = z
  .strictObject({
    signals: z.array(z.enum(SIGNALS)).default([...SIGNALS]),
    /** Of the loss. */
    detector: detectorOptions.default({ name: 'adwin', delta: 0.002, keep_window: false }),
    /** At a drift of the loss; of the others there is only an alarm. */
    action: z.enum(['alarm', 'adapt', 'challenger']).default('alarm'),
    /** What scores and features are looked at on. */
    on: z.enum(['examples', 'arrivals']).default('examples'),
    /** Examples before losses and scores count: until then a model changes by learning. */
    warm_up: z.int().min(0).max(1_000_000).default(1_000),
    /** Of scores and features one row in so many is looked at. */
    every: z.int().min(1).max(10_000).default(6),
    /** Rows looked at that make a baseline, and those that are compared with it. */
    window: z.int().min(100).max(100_000).default(400),
    /** Of the signal score: its mean, or how it is distributed; of classes always the latter. */
    score: z.enum(['mean', 'psi']).default('mean'),
    /** Population stability index from which a distribution is another. */
    psi: z.number().positive().max(100).default(0.25),
    /** How far the share of missing values may move. */
    missing: z.number().gt(0).lt(1).default(0.1),
  })
  .prefault({});

export type DriftOptions = z.infer<typeof driftOptions>;
