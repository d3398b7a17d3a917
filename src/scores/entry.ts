// A key while a batch is folded: its score row and label as they stand, and how that differs from what is stored.

import type { Position } from '../flow/position.ts';
import type { KeyText } from '../flow/record.ts';
import type { Alert, DeadLetter, DueRow, LabelEntry, ScoreRow } from './score-store.ts';
import type { FeatureRow } from './scorer.ts';

/** A score row that can change. One shape for all, so that a batch's rows stay fast. */
export class Row implements ScoreRow {
  readonly key: KeyText;
  score: number | null = null;
  prediction: string | null = null;
  outputs: string | null = null;
  explanation: string | null = null;
  modelVersion: number | null = null;
  eventTime: string | null;
  eventTimeUs: number | null;
  scoredAtUs: number;
  features: string;
  label: string | null = null;
  labelledAtUs: number | null = null;
  measuredScore: number | null = null;
  measuredFeatures: string | null = null;
  measuredAnswer: string | null = null;
  measuredLsn: bigint | null = null;
  late: boolean;
  position: Position;
  /** False until the model has been asked; a batch asks for many at once. */
  scored = false;
  /** Features as parsed, where this batch has parsed them. */
  parsed: FeatureRow | undefined = undefined;

  constructor(
    from: Pick<ScoreRow, 'key' | 'eventTime' | 'eventTimeUs' | 'scoredAtUs' | 'features' | 'late' | 'position'>,
  ) {
    this.key = from.key;
    this.eventTime = from.eventTime;
    this.eventTimeUs = from.eventTimeUs;
    this.scoredAtUs = from.scoredAtUs;
    this.features = from.features;
    this.late = from.late;
    this.position = from.position;
  }

  /** Only ever written as a label: what was not read of it stays as it is. */
  static due(from: DueRow): Row {
    const row = new Row({
      key: from.key,
      eventTime: null,
      eventTimeUs: from.eventTimeUs,
      scoredAtUs: Number.NaN,
      features: from.features,
      late: false,
      position: from.position,
    });
    row.scored = true;
    row.score = from.score;
    row.prediction = from.prediction;
    row.outputs = from.outputs;
    row.modelVersion = from.modelVersion;
    row.measuredScore = from.measuredScore;
    row.measuredFeatures = from.measuredFeatures;
    row.measuredAnswer = from.measuredAnswer;
    row.measuredLsn = from.measuredLsn;
    return row;
  }

  static stored(from: ScoreRow): Row {
    const row = new Row(from);
    row.scored = true;
    row.score = from.score;
    row.prediction = from.prediction;
    row.outputs = from.outputs;
    row.explanation = from.explanation;
    row.modelVersion = from.modelVersion;
    row.label = from.label;
    row.labelledAtUs = from.labelledAtUs;
    row.measuredScore = from.measuredScore;
    row.measuredFeatures = from.measuredFeatures;
    row.measuredAnswer = from.measuredAnswer;
    row.measuredLsn = from.measuredLsn;
    return row;
  }
}

/** What of the row must be written. */
export type RowChange = 'none' | 'label' | 'all';

export class Entry {
  readonly key: KeyText;
  row: Row | undefined;
  /** The store has a row (after this batch's truncate, if there is one). */
  rowStored: boolean;
  rowChange: RowChange = 'none';
  label: LabelEntry | undefined;
  labelStored: boolean;
  labelChanged = false;
  alertStored: boolean;
  alertOpen: boolean;
  newAlert: Alert | undefined = undefined;
  deadStored: boolean;
  /** The dead letter that is stored is still true. */
  deadKept = true;
  newDeadLetter: DeadLetter | undefined = undefined;
  /** Its row went by its age: an alert goes with it, read or not. */
  expired = false;
  /** Known only as a row that was due: nothing was read of its alert and dead letter. */
  readonly dueOnly: boolean;

  constructor(
    key: KeyText,
    row: Row | undefined,
    label: LabelEntry | undefined,
    more: { alert: boolean; deadLetter: boolean; dueOnly: boolean },
  ) {
    this.key = key;
    this.row = row;
    this.rowStored = row !== undefined;
    this.label = label;
    this.labelStored = label !== undefined;
    this.alertStored = more.alert;
    this.alertOpen = more.alert;
    this.deadStored = more.deadLetter;
    this.dueOnly = more.dueOnly;
  }

  /**
   * The same key for the batch after, while this one is still being written: what will be stored.
   * @param asked that batch has read alert and dead letter of the key
   */
  carry(alertRead: boolean, deadLetterRead: boolean, asked: boolean): Entry {
    return new Entry(this.key, this.row === undefined ? undefined : carried(this.row), this.label, {
      alert: this.dueOnly && !this.expired ? alertRead : this.alertOpen,
      deadLetter: this.dueOnly
        ? deadLetterRead
        : this.newDeadLetter !== undefined || (this.deadStored && this.deadKept),
      dueOnly: this.dueOnly && !asked,
    });
  }

  /** Row and alert go, as by a delete. */
  removeRow(): void {
    this.row = undefined;
    this.rowChange = 'none';
    this.alertOpen = false;
    this.newAlert = undefined;
  }

  /** keep_scores_for is over: row and alert go; what the label was measured on stays known. */
  expire(): void {
    this.removeRow();
    this.expired = true;
  }

  /** As a truncate leaves it: nothing of row, alert and dead letter is stored any more. */
  truncated(): void {
    this.removeRow();
    this.rowStored = false;
    this.alertStored = false;
    this.deadStored = false;
    this.newDeadLetter = undefined;
  }
}

/** A copy: the batch that is being written must not change when the next one changes its rows. */
function carried(row: Row): Row {
  const copy = Row.stored(row);
  copy.parsed = row.parsed;
  return copy;
}
