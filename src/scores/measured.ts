// What a row's quality is measured on: the score, prediction and outputs that it had when its label came, and its segment.

import type { Row } from './entry.ts';
import type { FeatureRow } from './scorer.ts';
import type { Answer, ScoreRow } from './score-store.ts';

/**
 * The answer behind a row's measured score, as JSON text; null where there is neither output nor segment, so that pipelines
 * which need none store nothing.
 */
export function answerOf(
  row: Pick<ScoreRow, 'prediction' | 'outputs' | 'features' | 'measuredAnswer'>,
  segmentBy: string | undefined,
): string | null {
  if (row.measuredAnswer !== null) return row.measuredAnswer;
  if (row.outputs === null && segmentBy === undefined) return null;
  const answer: Answer = {
    prediction: row.prediction,
    outputs: row.outputs === null ? null : (JSON.parse(row.outputs) as Answer['outputs']),
    segment: segmentBy === undefined ? null : segmentOf((JSON.parse(row.features) as FeatureRow)[segmentBy]),
  };
  return JSON.stringify(answer);
}

/** The prediction behind the measured score; null where the score says it. */
export function measuredPrediction(row: Row): string | null {
  if (row.measuredAnswer !== null) return (JSON.parse(row.measuredAnswer) as Answer).prediction;
  return row.outputs === null ? null : row.prediction;
}

/** The row is computed anew; its label and what that was measured on stay (rule C). */
export function carryLabel(old: Row, row: Row, segmentBy: string | undefined): void {
  row.label = old.label;
  row.labelledAtUs = old.labelledAtUs;
  row.measuredScore = old.measuredScore;
  row.measuredLsn = old.measuredLsn;
  if (old.measuredLsn === null) return;
  const measured = old.measuredFeatures ?? old.features;
  row.measuredFeatures = measured === row.features ? null : measured;
  row.measuredAnswer = answerOf(old, segmentBy);
}

/** Of all values beyond the first hundred. */
export const OTHER_SEGMENT = 'other';
/** Names of segments that are no texts: a text that reads the same is quoted. */
const TAKEN: ReadonlySet<string> = new Set(['null', OTHER_SEGMENT]);

/** The segment of a feature's value. */
export function segmentOf(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value ?? null);
  return TAKEN.has(value) ? `"${value}"` : value;
}
