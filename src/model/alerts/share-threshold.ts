// The highest scores of any model, whatever they mean: a row raises an alert where no more than a share of the rows scored lately
// had a score as high. A function of the rows in their order. Scores are not always exchangeable: a model that is still learning
// raises them all. So the share that is let through moves with the alerts that were raised, and their share is kept in any case:
// Gibbs and Candès, "Adaptive conformal inference under distribution shift" (2021), section 2.

import { RunningQuantile } from '../anomaly/running-quantile.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

/** Least share that can be asked for. */
export const LEAST_SHARE = 0.0001;

/** Scores looked back on: so many, or as many as it takes to have about so many above the threshold. */
const MEMORY = 1_000;
const ABOVE = 100;
/** An alert takes so much off the share that is let through, as a part of the share asked for; what comes back is at most twice that. */
const STEP = 0.05;
const MOST = 2;
/** The scores are forgotten by the quarter, and so are the counts of alerts. */
const BLOCKS = 4;

const NAME = 'alert share';

export interface ScoredRow {
  readonly score: number | null;
  /** A row of the backfill raises none; its score counts. */
  readonly live: boolean;
}

export interface ShareFigures {
  /** Scores above it raise alerts; null: none do yet. */
  readonly threshold: number | null;
  /** Live rows, of those that the threshold was chosen from lately, and how many of them met it. */
  readonly rows: number;
  readonly alerts: number;
}

interface Block {
  rows: number;
  alerts: number;
}

/**
 * A row is judged by its conformal p-value among the scores before it (see {@link RunningQuantile}). Of any n live rows in a row,
 * whatever their scores, at most n times the share, and 41 more, raise alerts. Scores that are equal count as one as high as the
 * other, so a score that more rows have than may raise alerts raises none.
 */
export class ShareThreshold {
  readonly #atMost: number;
  readonly #ranks: RunningQuantile;
  readonly #block: number;
  readonly #blocks: Block[] = [];
  /** The share that is let through now. */
  #through: number;

  /** @param atMost in (0, 1) @param saved with this share or another */
  constructor(atMost: number, seed: number, saved?: Uint8Array) {
    this.#atMost = atMost;
    const memory = Math.max(MEMORY, Math.ceil(ABOVE / atMost));
    this.#block = memory / BLOCKS;
    const reader = saved && new StateReader(saved, NAME);
    this.#ranks = new RunningQuantile(seed, memory, reader);
    this.#through = atMost;
    if (reader === undefined) return;
    const same = reader.f64() === atMost;
    const through = reader.f64();
    if (same) this.#through = through;
    for (let left = reader.u32(); left > 0; left--) this.#blocks.push({ rows: reader.f64(), alerts: reader.f64() });
    reader.finish();
  }

  /** Whether bytes are of such a state. */
  static isState(saved: Uint8Array): boolean {
    return StateReader.nameOf(saved) === NAME;
  }

  /** Whether the row raises an alert, or keeps the one it has; its score counts from then on. */
  meets({ score, live }: ScoredRow): boolean {
    if (score === null || !Number.isFinite(score)) return false;
    const meets = 1 - this.#ranks.share(score) <= this.#through;
    this.#ranks.add(score);
    if (live) this.#count(meets);
    return meets;
  }

  get figures(): ShareFigures {
    let [rows, alerts] = [0, 0];
    for (const block of this.#blocks) {
      rows += block.rows;
      alerts += block.alerts;
    }
    return { threshold: this.#ranks.valueAt(this.#through), rows, alerts };
  }

  save(): Uint8Array {
    const writer = new StateWriter(NAME);
    this.#ranks.save(writer);
    writer.f64(this.#atMost);
    writer.f64(this.#through);
    writer.u32(this.#blocks.length);
    for (const { rows, alerts } of this.#blocks) {
      writer.f64(rows);
      writer.f64(alerts);
    }
    return writer.finish();
  }

  #count(meets: boolean): void {
    let last = this.#blocks.at(-1);
    if (last === undefined || last.rows >= this.#block) {
      last = { rows: 0, alerts: 0 };
      this.#blocks.push(last);
      if (this.#blocks.length > BLOCKS) this.#blocks.shift();
    }
    last.rows += 1;
    if (meets) last.alerts += 1;
    const moved = this.#through + STEP * this.#atMost * (this.#atMost - (meets ? 1 : 0));
    this.#through = Math.min(moved, MOST * this.#atMost);
  }
}
