// Rows of a batch that wait for their score, so that the model is asked once for many of them; with each score its alert.

import assert from 'node:assert';
import type { Entry, Row } from './entry.ts';
import type { FoldRequest } from './fold-request.ts';
import type { FeatureRow } from './scorer.ts';

export class UnscoredRows {
  readonly #request: Pick<FoldRequest, 'scorer' | 'alertWhen' | 'alertJudge' | 'nowUs'>;
  #rows: Row[] = [];
  #entries: Entry[] = [];
  /** Where a goal judges: each row's commit time, and whether its key had an alert when it came. */
  #came: { readonly commitTimeUs: number; readonly open: boolean }[] = [];
  /** Rows scored so far. */
  scored = 0;

  constructor(request: Pick<FoldRequest, 'scorer' | 'alertWhen' | 'alertJudge' | 'nowUs'>) {
    this.#request = request;
  }

  add(entry: Entry, row: Row, commitTimeUs: number): void {
    row.parsed = parseFeatures(row.features);
    this.#rows.push(row);
    this.#entries.push(entry);
    // Not as it will be: a delete in the same batch takes the alert away, in a batch of its own it would have stood.
    if (this.#request.alertJudge) this.#came.push({ commitTimeUs, open: entry.alertOpen });
  }

  /** Scores what waits, all at once: nothing was learned since the first of them came. */
  score(): void {
    const rows = this.#rows;
    if (rows.length === 0) return;
    const entries = this.#entries;
    this.#rows = [];
    this.#entries = [];
    const came = this.#came;
    this.#came = [];
    const { scorer } = this.#request;
    const scored = scorer.predict(rows.map((row) => row.parsed!));
    this.scored += rows.length;
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!;
      const { score, prediction, outputs } = scored[index]!;
      row.scored = true;
      row.score = score;
      row.prediction = prediction;
      row.outputs = outputs;
      row.modelVersion = scorer.version;
      this.#judge(entries[index]!, row, came[index]);
      // The batch keeps its rows until it is written: what they were parsed to would be most of it. A label in the same batch parses again.
      row.parsed = undefined;
    }
  }

  /** Opens, keeps or closes the row's alert, and explains it where that is asked for. */
  #judge(entry: Entry, row: Row, came: { readonly commitTimeUs: number; readonly open: boolean } | undefined): void {
    const { scorer, alertWhen, alertJudge, nowUs } = this.#request;
    const { score, eventTimeUs } = row;
    const live = row.position.lsn !== 0n;
    const meets = alertJudge
      ? alertJudge.meets({ score, eventTimeUs, ...came!, live })
      : alertWhen !== undefined && alertWhen(score, row.prediction, row.parsed!) === true;
    if (scorer.explains === 'all' || (meets && scorer.explains === 'alerts'))
      row.explanation = scorer.explain(row.parsed!);
    if (entry.row !== row) return;
    if (!meets) {
      entry.alertOpen = false;
      entry.newAlert = undefined;
    } else if (!entry.alertOpen && live) {
      entry.alertOpen = true;
      entry.newAlert = {
        key: row.key,
        position: row.position,
        score: row.score,
        prediction: row.prediction,
        modelVersion: row.modelVersion,
        eventTimeUs: row.eventTimeUs,
        alertedAtUs: nowUs,
      };
    }
  }
}

function parseFeatures(text: string): FeatureRow {
  const parsed: unknown = JSON.parse(text);
  assert(typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed), 'features are a JSON object');
  return parsed as FeatureRow;
}
