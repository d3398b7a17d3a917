// Which rows a progress record gives the default label: those whose wait is over and that have none, by (event time, key). They
// are found among the stored ones, which were read for the batch, and those that the batch itself has touched.

import type { SinkDefinition } from '../flow/pipeline.ts';
import type { KeyText, StoredRecord } from '../flow/record.ts';
import type { Entry, Row } from './entry.ts';
import type { DueRow, PartitionState, ReadRequest } from './score-store.ts';

/** What must be read before a batch can be folded. */
export function planRead(
  state: PartitionState,
  definition: SinkDefinition,
  records: readonly StoredRecord[],
): ReadRequest {
  const throughUs = dueHorizon(definition, records);
  const due = throughUs === undefined ? undefined : { fromUs: state.dueThroughUs, throughUs };
  return { keys: [...new Set(keysOf(records))], due };
}

/** That records name; one for each record. */
export function keysOf(records: readonly StoredRecord[]): KeyText[] {
  const keys: KeyText[] = [];
  for (const { body } of records)
    if (body.kind !== 'progress' && body.kind !== 'truncate' && body.key !== null) keys.push(body.key);
  return keys;
}

/** As far as the last progress record of a batch goes: the clock only grows. */
export function dueHorizon(definition: SinkDefinition, records: readonly StoredRecord[]): number | undefined {
  for (let index = records.length - 1; index >= 0; index--) {
    const { body } = records[index]!;
    if (body.kind === 'progress') return dueThrough(definition, body.clockUs);
  }
  return undefined;
}

/** Rows with an event time at or below get the default label at this clock; undefined where there is none. */
export function dueThrough(definition: SinkDefinition, clockUs: number): number | undefined {
  if (definition.label === undefined || definition.labelDefault === undefined || definition.labelWaitUs === undefined)
    return undefined;
  return clockUs - definition.labelWaitUs;
}

export function isUnlabelled(row: Row | undefined): row is Row {
  return row !== undefined && row.label === null && row.eventTimeUs !== null;
}

export class DueRows {
  /** No progress record of the batch goes further; -Infinity where it has none. */
  readonly horizonUs: number;
  /** Stored rows that may be due, in order; given out up to `#next`. */
  #stored: readonly DueRow[];
  #next = 0;
  /** Keys of this batch and the one before that may become due in it. */
  #touched: Entry[] = [];

  constructor(horizonUs: number | undefined, stored: readonly DueRow[]) {
    this.horizonUs = horizonUs ?? -Infinity;
    this.#stored = [...stored].sort(byDue);
  }

  /** To be called for each entry of the batch, and again when its row or label changed. */
  watch(entry: Entry): void {
    if (isUnlabelled(entry.row) && entry.row.eventTimeUs! <= this.horizonUs) this.#touched.push(entry);
  }

  /** No stored row counts any more. */
  truncate(): void {
    this.#stored = [];
  }

  /**
   * Entries whose rows are due and have no label, by (event time, key).
   * @param isTouched the batch has this key already: it is watched as it stands now
   * @param entryOf the entry of a stored row; one that the batch being written has touched may be due no more, or later
   */
  take(throughUs: number, isTouched: (key: KeyText) => boolean, entryOf: (row: DueRow) => Entry): Entry[] {
    const due: Entry[] = [];
    while (this.#next < this.#stored.length && this.#stored[this.#next]!.eventTimeUs! <= throughUs) {
      const stored = this.#stored[this.#next]!;
      this.#next += 1;
      if (isTouched(stored.key)) continue;
      const entry = entryOf(stored);
      if (isUnlabelled(entry.row) && entry.row.eventTimeUs! <= throughUs) due.push(entry);
    }
    const later: Entry[] = [];
    for (const entry of this.#touched) {
      if (!isUnlabelled(entry.row)) continue;
      if (entry.row.eventTimeUs! <= throughUs) due.push(entry);
      else later.push(entry);
    }
    this.#touched = later;
    const ordered = due.sort((a, b) => byDue(a.row!, b.row!));
    return ordered.filter((entry, index) => entry !== ordered[index - 1]);
  }
}

function byDue(a: DueRow, b: DueRow): number {
  return a.eventTimeUs! - b.eventTimeUs! || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}
