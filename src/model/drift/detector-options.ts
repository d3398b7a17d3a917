// `"detector": {"name": …}`: the detectors by name, with the defaults of River 0.26.

import { z } from 'zod';
import { Adwin } from './adwin.ts';
import { Ddm } from './ddm.ts';
import type { Detector } from './detector.ts';
import { Eddm } from './eddm.ts';
import { Fhddm } from './fhddm.ts';
import { HddmA } from './hddm-a.ts';
import { HddmW } from './hddm-w.ts';
import { PageHinkley } from './page-hinkley.ts';

const chance = z.number().gt(0).lt(1);
const positive = z.number().positive().max(1e9);
const minValues = z.int().min(1).max(1_000_000).default(30);

const adwin = z.strictObject({
  name: z.literal('adwin'),
  delta: chance.default(0.002),
  /** After a detection the window goes on without its old part, as in the paper; else it starts anew. */
  keep_window: z.boolean().default(false),
});

const pageHinkley = z.strictObject({
  name: z.literal('page_hinkley'),
  min_values: minValues,
  delta: z.number().min(0).max(1e9).default(0.005),
  threshold: positive.default(50),
  alpha: z.number().gt(0).max(1).default(0.9999),
});

const ddm = z.strictObject({
  name: z.literal('ddm'),
  min_values: minValues,
  warning: positive.default(2),
  drift: positive.default(3),
});

const eddm = z.strictObject({
  name: z.literal('eddm'),
  min_values: minValues,
  warning: chance.default(0.95),
  drift: chance.default(0.9),
});

const hddm = { warning: chance.default(0.005), drift: chance.default(0.001) };
const hddmA = z.strictObject({ name: z.literal('hddm_a'), ...hddm });
const hddmW = z.strictObject({ name: z.literal('hddm_w'), ...hddm, lambda: chance.default(0.05) });

const fhddm = z.strictObject({
  name: z.literal('fhddm'),
  window: z.int().min(10).max(100_000).default(100),
  delta: chance.default(1e-6),
});

export const detectorOptions = z.discriminatedUnion('name', [adwin, pageHinkley, ddm, eddm, hddmA, hddmW, fhddm]);

export type DetectorOptions = z.infer<typeof detectorOptions>;

/** They take 0 and 1 only: of numbers there are no errors to count. */
export const ERROR_DETECTORS: readonly string[] = ['ddm', 'eddm', 'hddm_a', 'hddm_w', 'fhddm'];

/** Room for 390,000 values before the state of a detector grows. */
const ADWIN_ROWS = 16;

export function createDetector(options: DetectorOptions): Detector {
  switch (options.name) {
    case 'adwin':
      return new Adwin(options.delta, { keep: options.keep_window, rows: ADWIN_ROWS });
    case 'page_hinkley':
      return new PageHinkley(options);
    case 'ddm':
      return new Ddm(options);
    case 'eddm':
      return new Eddm(options);
    case 'hddm_a':
      return new HddmA(options);
    case 'hddm_w':
      return new HddmW(options);
    case 'fhddm':
      return new Fhddm(options);
  }
}
