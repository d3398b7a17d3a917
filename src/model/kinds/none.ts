// `none`: a pipeline without a model, a live feature table. Scores nothing, learns nothing, counts examples.

import { z } from 'zod';
import type { Explanation, Model, ModelRequest, ModelSettings, Prediction, FeatureRow } from '../model.ts';
import { commonOptions, parseOptions, settingsOf } from '../options.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

export const noneOptions = z.strictObject(commonOptions);

export class NoModel implements Model {
  readonly task = 'none';
  readonly kind = 'none';
  readonly settings: ModelSettings;
  readonly notices: readonly string[] = [];
  readonly skipped = 0;
  readonly unusable = 0;
  readonly learnsArrivals = false;
  readonly bytes = 0;
  #examples = 0;

  constructor(request: ModelRequest, saved?: Uint8Array) {
    this.settings = settingsOf(parseOptions(noneOptions, request.options));
    if (!saved) return;
    const reader = new StateReader(saved, 'none model');
    this.#examples = reader.f64();
    reader.finish();
  }

  get examples(): number {
    return this.#examples;
  }

  predictMany(rows: readonly FeatureRow[]): Prediction[] {
    return rows.map(() => ({ score: null, prediction: null }));
  }

  learn(): void {
    this.#examples += 1;
  }

  observe(): void {}

  explain(): Explanation {
    return { bias: 0, contributions: [] };
  }

  save(): Uint8Array {
    const writer = new StateWriter('none model');
    writer.f64(this.#examples);
    return writer.finish();
  }
}
