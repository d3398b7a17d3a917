// The rules of the sink, without any I/O: folds a batch of records, in stream order, over the rows that were read for it, and
// gives one set of writes (docs/correctness.md, rules C, E and J). Where a batch or a fetch ends must not show in what comes out.

import type { Position } from '../flow/position.ts';
import type {
  DeadLetterEmission,
  FeaturesEmission,
  KeyText,
  LabelEmission,
  ProgressEmission,
  StoredRecord,
} from '../flow/record.ts';
import { dueHorizon, DueRows, dueThrough, isUnlabelled, keysOf } from './due-rows.ts';
import { Entry, Row } from './entry.ts';
import { expiredAt, isExpired, type Expired } from './expiry.ts';
import { writeEntry } from './entry-writes.ts';
import type { FoldRequest, FoldResult } from './fold-request.ts';
import { answerOf, carryLabel, measuredPrediction } from './measured.ts';
import type { DeadLetter, DueRow, Example, ItemPosition, Outcome, ScoreRow } from './score-store.ts';
import { UnscoredRows } from './unscored-rows.ts';

export function foldBatch(request: FoldRequest): FoldResult {
  const batch = new BatchFold(request);
  for (const record of request.records) batch.apply(record);
  return batch.finish();
}

class BatchFold {
  /** Made when it is first asked for. */
  #asked: ReadonlySet<KeyText> | undefined;
  readonly #request: FoldRequest;
  readonly #entries = new Map<KeyText, Entry>();
  #truncated = false;
  #supersede = false;
  #position: Position | undefined;
  #scoredPosition: Position | undefined;
  #clockUs: number | undefined;
  #phase: 'backfill' | 'live';
  #dueThroughUs: number | undefined;
  #dueClear = false;
  #expired: Expired | undefined;
  readonly #unscored: UnscoredRows;
  readonly #due: DueRows;
  readonly #examples: Example[] = [];
  readonly #outcomes: Outcome[] = [];
  /** Without a key they cannot be cleared. */
  readonly #keyless: DeadLetter[] = [];

  constructor(request: FoldRequest) {
    this.#request = request;
    this.#unscored = new UnscoredRows(request);
    const { state, definition, reads } = request;
    this.#position = state.position;
    this.#scoredPosition = state.scored;
    this.#clockUs = state.clockUs;
    this.#phase = state.phase;
    this.#dueThroughUs = state.dueThroughUs;
    this.#expired = state.expired;
    const horizonUs = dueHorizon(definition, request.records);
    this.#due = new DueRows(horizonUs, request.overlay?.truncated === true ? [] : reads.due);
    // Only those: what is carried on goes into this batch's own overlay, which must not grow from batch to batch.
    if (horizonUs !== undefined && request.overlay !== undefined)
      for (const [key, { row }] of request.overlay.entries)
        if (isUnlabelled(row) && row.eventTimeUs! <= horizonUs) this.#entry(key);
  }

  apply(record: StoredRecord): void {
    const { body, position } = record;
    switch (body.kind) {
      case 'features':
        this.#features(body, record);
        break;
      case 'label':
        this.#label(body, position);
        break;
      case 'delete':
        this.#delete(this.#entry(body.key));
        break;
      case 'dead_letter':
        this.#deadLetter(body, record);
        break;
      case 'truncate':
        this.#truncate();
        break;
      case 'progress':
        this.#progress(body, position);
        break;
    }
    this.#position = position;
  }

  finish(): FoldResult {
    this.#unscored.score();
    const { state, definition, nextOffset, reads } = this.#request;
    const writes = {
      expected: state,
      next: {
        nextOffset,
        position: this.#position,
        scored: this.#scoredPosition,
        definition,
        clockUs: this.#clockUs,
        phase: this.#phase,
        dueThroughUs: this.#dueThroughUs,
        expired: this.#expired,
        ...this.#alerting(),
      },
      truncate: this.#truncated,
      supersede: this.#supersede,
      inserts: [] as Row[],
      upserts: [] as Row[],
      labelled: [] as Row[],
      deletes: [] as KeyText[],
      labels: [] as NonNullable<Entry['label']>[],
      labelDeletes: [] as KeyText[],
      dueClear: this.#dueClear,
      dueDeletes: this.#due.horizonUs === -Infinity ? [] : [...reads.dueListed],
      dueAdds: [] as { key: KeyText; eventTimeUs: number }[],
      examples: this.#examples,
      outcomes: this.#outcomes,
      deadLetterClears: [] as KeyText[],
      deadLetters: this.#keyless,
      alertCloses: [] as KeyText[],
      alerts: [] as NonNullable<Entry['newAlert']>[],
    };
    for (const entry of this.#entries.values()) {
      this.#expire(entry);
      writeEntry(entry, writes, (row) => this.#isOverdue(row));
    }
    return { writes, overlay: { entries: this.#entries, truncated: this.#truncated }, scored: this.#unscored.scored };
  }

  #alerting(): { alerting?: Uint8Array } {
    const alerting = this.#request.alertJudge?.save();
    return alerting === undefined ? {} : { alerting };
  }

  /** The key as it stands: in this batch, else in the one that is being written, else as it was read. */
  #entry(key: KeyText, due?: DueRow): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = this.#found(key, due);
      this.#entries.set(key, entry);
      this.#expire(entry);
      this.#due.watch(entry);
    } else this.#expire(entry);
    return entry;
  }

  /** Asked whenever the key is looked at, when its row has changed, and at the end: not for every key at every progress record. */
  #expire(entry: Entry): void {
    if (entry.row !== undefined && isExpired(entry.row, this.#expired)) entry.expire();
  }

  #found(key: KeyText, due: DueRow | undefined): Entry {
    const { reads, overlay } = this.#request;
    const hidden = overlay?.truncated === true;
    const alert = !hidden && reads.alerts.has(key);
    const deadLetter = !hidden && reads.deadLetters.has(key);
    const carried = overlay?.entries.get(key);
    let entry: Entry;
    if (carried !== undefined) entry = carried.carry(alert, deadLetter, !carried.dueOnly || this.#isAsked(key));
    else {
      const read = hidden ? undefined : reads.rows.get(key);
      const row = read !== undefined ? Row.stored(read) : due !== undefined && !hidden ? Row.due(due) : undefined;
      entry = new Entry(key, row, reads.labels.get(key), {
        alert,
        deadLetter,
        dueOnly: due !== undefined && !this.#isAsked(key),
      });
    }
    if (this.#truncated) entry.truncated();
    return entry;
  }

  /** A record of the batch names the key, so alert and dead letter were read; of rows that are only due they were not. */
  #isAsked(key: KeyText): boolean {
    this.#asked ??= new Set(keysOf(this.#request.records));
    return this.#asked.has(key);
  }

  #features(body: FeaturesEmission, { position, commitTimeUs }: StoredRecord): void {
    this.#learnBefore(position);
    this.#scoredPosition = position;
    const entry = this.#entry(body.key);
    const old = entry.row;
    if (old !== undefined && !old.scored) this.#unscored.score();
    const row = new Row({
      key: body.key,
      eventTime: body.eventTime,
      eventTimeUs: body.eventTimeUs,
      scoredAtUs: this.#request.nowUs,
      features: body.features,
      late: body.late,
      position,
    });
    entry.row = row;
    entry.rowChange = 'all';
    entry.deadKept = false;
    entry.newDeadLetter = undefined;
    this.#unscored.add(entry, row, commitTimeUs);
    if (this.#request.scorer.learnsArrivals) this.#learnArrival(row);
    if (old !== undefined) carryLabel(old, row, this.#request.scorer.segmentBy);
    else if (entry.label !== undefined) this.#meetEarlyLabel(entry, row, position);
    this.#expire(entry);
    this.#due.watch(entry);
  }

  /** The label was there first, or the row comes back to it: then it was measured already, and is not counted again. */
  #meetEarlyLabel(entry: Entry, row: Row, position: Position): void {
    const known = entry.label!;
    if (known.measuredLsn !== null) {
      row.label = known.label;
      row.labelledAtUs = this.#request.nowUs;
      row.measuredScore = known.measuredScore;
      row.measuredAnswer = known.measuredAnswer;
      row.measuredLsn = known.measuredLsn;
      return;
    }
    // After the row itself, where that is learned too.
    this.#setLabel(entry, known.label, known.weight, { ...position, i: 1 });
    this.#rememberMeasured(entry);
  }

  #label(body: LabelEmission, position: Position): void {
    const entry = this.#entry(body.key);
    const at = { ...position, i: 0 };
    const known = entry.label;
    if (body.label === undefined || body.label === null) {
      if (known === undefined) return;
      entry.label = undefined;
      entry.labelChanged = true;
      if (entry.row !== undefined) this.#setLabel(entry, null, 1, at);
      else this.#measure(known, null, known.label, at);
      this.#expire(entry);
      this.#due.watch(entry);
      return;
    }
    entry.label = {
      key: body.key,
      label: body.label,
      labelAtUs: body.labelAtUs,
      weight: body.weight,
      measuredScore: known?.measuredScore ?? null,
      measuredAnswer: known?.measuredAnswer ?? null,
      measuredLsn: known?.measuredLsn ?? null,
    };
    entry.labelChanged = true;
    if (entry.row !== undefined) {
      this.#setLabel(entry, body.label, body.weight, at);
      this.#rememberMeasured(entry);
      this.#expire(entry);
    } else if (known !== undefined && known.label !== body.label) this.#measure(known, body.label, known.label, at);
  }

  /** An example without a label, learned before the next commit is scored. */
  #learnArrival(row: Row): void {
    const nothing = { label: null, weight: 1, score: null, prediction: null };
    const example: Example = { at: { ...row.position, i: 0 }, features: row.features, ...nothing };
    this.#examples.push(example);
    this.#request.pending.push(example, row.parsed);
  }

  /** Row and label meet, or the label changes or goes: an outcome, and an example where there is a label to learn. */
  #setLabel(entry: Entry, label: string | null, weight: number, at: ItemPosition): void {
    const row = entry.row!;
    if (row.label === label) return;
    const prior = row.label;
    if (row.measuredLsn === null) {
      if (!row.scored) this.#unscored.score();
      row.measuredScore = row.score;
      row.measuredLsn = row.position.lsn;
    }
    row.label = label;
    row.labelledAtUs = label === null ? null : this.#request.nowUs;
    if (entry.rowChange === 'none') entry.rowChange = 'label';
    this.#measure(row, label, prior, at);
    const { scorer } = this.#request;
    if (label === null || !scorer.learnsLabels || !scorer.accepts(label)) return;
    const given = { score: row.measuredScore, prediction: measuredPrediction(row) };
    const example: Example = { at, features: row.measuredFeatures ?? row.features, label, weight, ...given };
    this.#examples.push(example);
    this.#request.pending.push(example, row.measuredFeatures === null ? row.parsed : undefined);
  }

  /** What the label table says of a measured label, so that a row that goes and comes back finds it. */
  #rememberMeasured(entry: Entry): void {
    const row = entry.row!;
    const label = entry.label!;
    if (label.measuredLsn === row.measuredLsn && label.measuredScore === row.measuredScore) return;
    entry.label = {
      ...label,
      measuredScore: row.measuredScore,
      measuredAnswer: answerOf(row, this.#request.scorer.segmentBy),
      measuredLsn: row.measuredLsn,
    };
    entry.labelChanged = true;
  }

  #measure(
    measured: Pick<ScoreRow, 'measuredScore' | 'measuredAnswer' | 'measuredLsn'> | Row,
    label: string | null,
    prior: string | null,
    at: ItemPosition,
  ): void {
    const { scorer, id } = this.#request;
    const score = measured.measuredScore;
    if (score === null || measured.measuredLsn === null) return;
    const now = label !== null && scorer.accepts(label) ? label : null;
    const before = prior !== null && scorer.accepts(prior) ? prior : null;
    if (now === null && before === null) return;
    const outcome: Outcome = {
      at,
      score,
      answer: measured instanceof Row ? answerOf(measured, scorer.segmentBy) : measured.measuredAnswer,
      label: now,
      prior: before,
      backfill: measured.measuredLsn === 0n,
      // A row that was scored again since names the version of that score, not of the measured one.
      modelVersion:
        measured instanceof Row && measured.position.lsn === measured.measuredLsn ? measured.modelVersion : null,
      eventTimeUs: measured instanceof Row ? measured.eventTimeUs : null,
    };
    this.#outcomes.push(outcome);
    scorer.count(id.partition, outcome);
  }

  #delete(entry: Entry): void {
    entry.removeRow();
    entry.deadKept = false;
    entry.newDeadLetter = undefined;
  }

  #deadLetter(body: DeadLetterEmission, record: StoredRecord): void {
    const { position, commitTimeUs } = record;
    const { key, table, row, code, message } = body;
    const letter: DeadLetter = { key, position, table, row, code, message, commitTimeUs };
    if (key === null) {
      this.#keyless.push(letter);
      return;
    }
    const entry = this.#entry(key);
    this.#delete(entry);
    entry.newDeadLetter = letter;
  }

  #truncate(): void {
    this.#truncated = true;
    this.#due.truncate();
    this.#keyless.length = 0;
    for (const entry of this.#entries.values()) entry.truncated();
  }

  #progress(body: ProgressEmission, position: Position): void {
    this.#clockUs = body.clockUs;
    if (this.#phase === 'backfill' && body.phase === 'live') this.#supersede = this.#request.id.generation > 1;
    this.#phase = body.phase;
    const { definition } = this.#request;
    this.#giveDefaults(position, body.clockUs);
    // After the defaults: a row whose wait ends here is learned before it goes.
    this.#expired = expiredAt(definition, body.clockUs, this.#expired);
  }

  #giveDefaults(position: Position, clockUs: number): void {
    const { definition } = this.#request;
    const throughUs = dueThrough(definition, clockUs);
    if (throughUs === undefined) {
      this.#dueClear ||= this.#dueThroughUs !== undefined;
      this.#dueThroughUs = undefined;
      return;
    }
    const isTouched = (key: KeyText): boolean => this.#entries.has(key);
    const entryOf = (row: DueRow): Entry => this.#entry(row.key, row);
    let i = 0;
    for (const entry of this.#due.take(throughUs, isTouched, entryOf)) {
      this.#setLabel(entry, definition.labelDefault!, 1, { ...position, i });
      i += 1;
    }
    this.#dueThroughUs = Math.max(this.#dueThroughUs ?? -Infinity, throughUs);
  }

  /** Missed by the ranges that progress records ask for, as they are past it: must be listed. */
  #isOverdue(row: Row): boolean {
    return this.#dueThroughUs !== undefined && isUnlabelled(row) && row.eventTimeUs! <= this.#dueThroughUs;
  }

  /** Rule E: before a record is scored, exactly the examples of earlier commits (in a backfill: records) are learned. */
  #learnBefore(position: Position): void {
    const { pending, scorer, id, alertJudge } = this.#request;
    const moves = alertJudge?.waits(position) === true;
    if (!moves && !pending.has(position)) return;
    this.#unscored.score();
    if (moves) alertJudge.countBefore(position);
    pending.takeBefore(position, (example, features) => scorer.learn(id.partition, example, features));
  }
}
