// `autoregression`: a series by its own past values and errors and the row's columns. src/model/forecast has the method.

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { learnerOptions } from '../encoder/encode-options.ts';
import {
  AutoregressiveSeries,
  AutoregressiveWorkspace,
  type AutoregressiveOrder,
} from '../forecast/autoregressive-series.ts';
import { forecastOptions, startOption } from '../forecast/forecast-options.ts';
import { GradientRegressor, LeastSquares } from '../forecast/regressor.ts';
import { MAX_STEPS, SeriesForecaster, type SeriesModels } from '../forecast/series-forecaster.ts';
import type { Kind } from '../learner.ts';
import { parseOptions } from '../options.ts';
import type { StateReader } from '../saved-state.ts';
import { gradientOptions, oneL1, ONE_L1 } from './linear-score.ts';

/** Dimensions of other columns that least squares has weights for: its state grows with their square. */
const MOST_COLUMNS = 64;

const count = (most: number) => z.int().min(0).max(most).default(0);

/** Of least squares: what an example still counts one later. */
const leastSquaresOptions = { forgetting: z.number().min(0.9).max(1).default(0.999) };

/** Those that are given, of which `method` has no use, would be passed over in silence. */
function ofOneMethod(options: { readonly method: string } & Readonly<Record<string, unknown>>): boolean {
  const others = z.object(options.method === 'gradient' ? leastSquaresOptions : gradientOptions).parse({});
  return Object.entries(others).every(([name, usual]) => isDeepStrictEqual(options[name], usual));
}

const autoregressionOptions = z
  .strictObject({
    ...learnerOptions,
    ...forecastOptions,
    ...gradientOptions,
    ...leastSquaresOptions,
    p: z.int().min(0).max(60).default(3),
    d: z.int().min(0).max(2).default(1),
    q: count(60),
    /** Values a season; 0: none. */
    season: count(400),
    sp: count(12),
    sd: count(1),
    sq: count(12),
    method: z.enum(['least_squares', 'gradient']).default('least_squares'),
    start: startOption,
    /** What other columns are at the periods before and after the row's own: nothing known, which is their mean, or the same. */
    columns_ahead: z.enum(['mean', 'row']).default('mean'),
  })
  .refine(oneL1, ONE_L1)
  .refine(ofOneMethod, {
    path: ['method'],
    message:
      '"optimizer", "intercept_lr", "l1", "l2" and "clip_gradient" go with "gradient", "forgetting" with "least_squares"',
  })
  .refine(({ season, sp, sd, sq }) => season > 1 || sp + sd + sq === 0, {
    path: ['season'],
    message: '"sp", "sd" and "sq" need a season of 2 values or more',
  });

type AutoregressionOptions = z.infer<typeof autoregressionOptions>;

function modelsOf(options: AutoregressionOptions): SeriesModels {
  const { p, d, q, season, sp, sd, sq, method } = options;
  const order: AutoregressiveOrder = { p, d, q, season, sp, sd, sq };
  const work = new AutoregressiveWorkspace(order, MAX_STEPS + season + options.horizon, {
    river: options.start === 'river',
    sameColumns: options.columns_ahead === 'row',
  });
  const clip = options.encode.clip ?? Infinity;
  const most = work.lags.length + MOST_COLUMNS;
  return {
    kind: 'autoregression',
    shape: `${method} ${Object.values(order).join(' ')}`,
    season,
    relative: false,
    clip,
    create(saved?: StateReader) {
      const regressor =
        method === 'gradient'
          ? new GradientRegressor(options, clip < Infinity, saved)
          : new LeastSquares(options.forgetting, most, saved);
      return new AutoregressiveSeries(work, regressor, clip, saved);
    },
  };
}

export const autoregression: Kind = {
  name: 'autoregression',
  tasks: ['regression'],
  series: true,
  options: autoregressionOptions,
  create(options) {
    const parsed = parseOptions(autoregressionOptions, options);
    return new SeriesForecaster(parsed, modelsOf(parsed));
  },
  load(options, _task, saved) {
    const parsed = parseOptions(autoregressionOptions, options);
    return SeriesForecaster.load(parsed, modelsOf(parsed), saved);
  },
};
