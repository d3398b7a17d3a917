// How many labelled examples a batch can bring at most, before it is folded.

import { dueHorizon, isUnlabelled } from './due-rows.ts';
import type { FoldRequest } from './fold-request.ts';

type Given = Pick<FoldRequest, 'definition' | 'records' | 'reads' | 'overlay' | 'pending'>;

/**
 * Each comes of a label record, of a label that waits for its row, or of a row that may be due its default; or it waits for a later
 * commit already.
 */
export function mostExamples({ definition, records, reads, overlay, pending }: Given): number {
  const horizonUs = dueHorizon(definition, records) ?? -Infinity;
  let count = pending.length + reads.due.length;
  for (const { body } of records)
    if (body.kind === 'label' || (body.kind === 'features' && (body.eventTimeUs ?? Infinity) <= horizonUs)) count += 1;
  for (const { measuredLsn } of reads.labels.values()) if (measuredLsn === null) count += 1;
  for (const { row, label } of overlay?.entries.values() ?? []) {
    if (label?.measuredLsn === null) count += 1;
    if (isUnlabelled(row) && row.eventTimeUs! <= horizonUs) count += 1;
  }
  return count;
}
