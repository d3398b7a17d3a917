// keep_scores_for: which rows have left the score table. A function of the row and of the last progress record alone, so that
// neither batches nor the moment of the deletion itself show in what is scored, learned or alerted.

import type { SinkDefinition } from '../flow/pipeline.ts';

/** How far rows have expired, by event time in microseconds since 1970 UTC. Never goes back. */
export interface Expired {
  /** Every row at or below. */
  readonly throughUs: number;
  /** Those that have their label; at or above {@link throughUs}. */
  readonly labelledThroughUs: number;
}

/** A part of the table that is to be emptied. */
export interface ExpiryRange {
  /** Exclusive; undefined: from the beginning. */
  readonly fromUs: number | undefined;
  readonly throughUs: number;
  readonly labelledOnly: boolean;
}

/**
 * What a progress record lets expire. A row that waits for its label stays until `label_wait` is over; without one
 * `keep_scores_for` is also how long a label is waited for.
 */
export function expiredAt(
  definition: SinkDefinition,
  clockUs: number,
  before: Expired | undefined,
): Expired | undefined {
  const { keepScoresForUs, label, labelWaitUs } = definition;
  if (keepScoresForUs === undefined) return before;
  const labelledThroughUs = clockUs - keepScoresForUs;
  const throughUs =
    label === undefined || labelWaitUs === undefined
      ? labelledThroughUs
      : Math.min(labelledThroughUs, clockUs - labelWaitUs);
  if (before === undefined) return { throughUs, labelledThroughUs };
  return {
    throughUs: Math.max(before.throughUs, throughUs),
    labelledThroughUs: Math.max(before.labelledThroughUs, labelledThroughUs),
  };
}

/** A row without event time never expires. */
export function isExpired(
  row: { readonly eventTimeUs: number | null; readonly label: string | null },
  expired: Expired | undefined,
): boolean {
  if (expired === undefined || row.eventTimeUs === null) return false;
  return row.eventTimeUs <= (row.label === null ? expired.throughUs : expired.labelledThroughUs);
}

/** What may be left to delete where everything up to `done` is: a row that expires otherwise is deleted by its own batch. */
export function rangesOf(expired: Expired, done: Expired | undefined): ExpiryRange[] {
  const { throughUs, labelledThroughUs } = expired;
  const ranges: ExpiryRange[] = [];
  if (done === undefined || throughUs > done.throughUs)
    ranges.push({ fromUs: done?.throughUs, throughUs, labelledOnly: false });
  if (labelledThroughUs > throughUs && (done === undefined || labelledThroughUs > done.labelledThroughUs))
    ranges.push({ fromUs: done?.labelledThroughUs, throughUs: labelledThroughUs, labelledOnly: true });
  return ranges;
}
