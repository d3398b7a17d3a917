// What one key's changes in a batch are in the set of writes.

import type { KeyText } from '../flow/record.ts';
import type { Entry, Row } from './entry.ts';
import type { DeadLetter } from './score-store.ts';

/** The parts of a set of writes that come from single keys. */
export interface EntryWrites {
  readonly inserts: Row[];
  readonly upserts: Row[];
  readonly labelled: Row[];
  readonly deletes: KeyText[];
  readonly labels: NonNullable<Entry['label']>[];
  readonly labelDeletes: KeyText[];
  readonly dueAdds: { key: KeyText; eventTimeUs: number }[];
  readonly deadLetterClears: KeyText[];
  readonly deadLetters: DeadLetter[];
  readonly alertCloses: KeyText[];
  readonly alerts: NonNullable<Entry['newAlert']>[];
}

/** @param isOverdue past what progress records will ask for: must be listed */
export function writeEntry(entry: Entry, writes: EntryWrites, isOverdue: (row: Row) => boolean): void {
  const { key, row } = entry;
  if (row === undefined) {
    if (entry.rowStored) writes.deletes.push(key);
  } else {
    if (entry.rowChange === 'all') (entry.rowStored ? writes.upserts : writes.inserts).push(row);
    else if (entry.rowChange === 'label') writes.labelled.push(row);
    if (entry.rowChange !== 'none' && isOverdue(row)) writes.dueAdds.push({ key, eventTimeUs: row.eventTimeUs! });
  }
  if (entry.labelChanged) {
    if (entry.label !== undefined) writes.labels.push(entry.label);
    else if (entry.labelStored) writes.labelDeletes.push(key);
  }
  const stored = entry.alertStored || (entry.expired && entry.dueOnly);
  if (stored && (!entry.alertOpen || entry.newAlert !== undefined)) writes.alertCloses.push(key);
  if (entry.newAlert !== undefined) writes.alerts.push(entry.newAlert);
  if (entry.deadStored && !entry.deadKept) writes.deadLetterClears.push(key);
  if (entry.newDeadLetter !== undefined) writes.deadLetters.push(entry.newDeadLetter);
}
