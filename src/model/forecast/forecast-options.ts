// Options of every kind that forecasts series.

import { z } from 'zod';
import { seriesOptions, type SeriesOptions } from '../series-keys.ts';

export const forecastOptions = {
  ...seriesOptions,
  /** Outputs: the row's own value and those of the periods after it, so many in all. */
  horizon: z.int().min(1).max(60).default(1),
  /** Share of values that fall between the bounds. */
  interval: z.number().min(0.5).max(0.99).default(0.9),
};

export type ForecastOptions = SeriesOptions & { readonly horizon: number; readonly interval: number };

/** `series`: as the kind's page says. `river`: as River 0.26 starts, to the last digits. */
export const startOption = z.enum(['series', 'river']).default('series');
