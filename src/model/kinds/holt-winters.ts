// `holt_winters`: exponential smoothing by series, simple, with a trend, with a season. src/model/forecast has the method.

import { z } from 'zod';
import { encodeOptions } from '../encoder/encode-options.ts';
import { forecastOptions, startOption } from '../forecast/forecast-options.ts';
import { HoltWintersSeries, type HoltWintersShape } from '../forecast/holt-winters-series.ts';
import { SeriesForecaster, type SeriesModels } from '../forecast/series-forecaster.ts';
import type { Kind } from '../learner.ts';
import { commonOptions, parseOptions } from '../options.ts';

const share = z.number().gt(0).max(1);
/** `alpha` and `gamma` where nothing is given. */
const USUAL = 0.3;

const holtWintersOptions = z
  .strictObject({
    ...commonOptions,
    ...forecastOptions,
    alpha: share.default(USUAL),
    /** Null: no trend. */
    beta: share.nullable().default(0.1),
    gamma: share.default(USUAL),
    /** Values a season; 0: none. */
    season: z.int().min(0).max(1000).default(0),
    seasonal: z.enum(['additive', 'multiplicative']).default('additive'),
    damping: share.default(1),
    /** A value further from its forecast than so many deviations counts as that far off; null: no limit, as in River. */
    clip: z.number().positive().max(1e6).nullable().default(100),
    start: startOption,
  })
  .refine(({ season }) => season !== 1, { path: ['season'], message: 'a season has 2 values or more, or 0 for none' })
  .refine(({ season, gamma }) => season > 0 || gamma === USUAL, {
    path: ['gamma'],
    message: 'it is the share of the new in the season, and there is none: give "season", too',
  })
  // It takes no columns, so there is nothing to encode.
  .transform((options) => ({ ...options, encode: encodeOptions.parse(undefined), update: 'on_label' as const }));

type HoltWintersOptions = z.infer<typeof holtWintersOptions>;

function modelsOf(options: HoltWintersOptions): SeriesModels {
  const { alpha, gamma, season, damping } = options;
  const multiplicative = options.seasonal === 'multiplicative';
  const shape: HoltWintersShape = {
    alpha,
    beta: options.beta ?? undefined,
    gamma,
    season,
    multiplicative,
    damping,
    river: options.start === 'river',
  };
  return {
    kind: 'holt_winters',
    shape: `${options.seasonal} ${season}`,
    season,
    relative: multiplicative,
    clip: options.clip ?? Infinity,
    create: (saved) => new HoltWintersSeries(shape, saved),
  };
}

export const holtWinters: Kind = {
  name: 'holt_winters',
  tasks: ['regression'],
  inputs: 'none',
  series: true,
  options: holtWintersOptions,
  create(options) {
    const parsed = parseOptions(holtWintersOptions, options);
    return new SeriesForecaster(parsed, modelsOf(parsed));
  },
  load(options, _task, saved) {
    const parsed = parseOptions(holtWintersOptions, options);
    return SeriesForecaster.load(parsed, modelsOf(parsed), saved);
  },
};
