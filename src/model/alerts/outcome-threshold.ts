// A threshold on the score, chosen from outcomes so that alerts keep a precision or a recall. It is the one that would have kept
// it on the outcomes seen lately with a mistake more among them: a miss for recall, two false alerts for precision. Without them
// a threshold chosen on the very outcomes that it is judged by promises too much. Source of the correction: for recall
// Angelopoulos, Bates, Fisch, Lei and Schuster, "Conformal risk control" (2022), equation 5; for precision Barber and Candès,
// "Controlling the false discovery rate via knockoffs" (2015), the estimate of knockoff+.

import { binEdges, binOf, SCORE_BINS } from '../metrics/ranked-counts.ts';
import { StateReader, StateWriter } from '../saved-state.ts';

export interface OutcomeGoal {
  readonly kind: 'precision' | 'recall';
  /** In (0, 1). */
  readonly atLeast: number;
}

/** A measured label; see `Outcome` of the metrics. */
export interface GoalOutcome {
  readonly score: number;
  /** 1 or 0; undefined: the outcome with the target `prior` is withdrawn. */
  readonly target: number | undefined;
  readonly prior: number | undefined;
}

export interface GoalFigures {
  /** Scores from here on raise alerts; null: none yet. */
  readonly threshold: number | null;
  /** Of outcomes in the window, by the threshold that stood before each came; null: not defined. */
  readonly precision: number | null;
  readonly recall: number | null;
  readonly outcomes: number;
  readonly positives: number;
  readonly alerted: number;
}

/** Outcomes that are looked back on: as many, or as many more as it takes to have so many true ones, up to a cap. */
export const WINDOW_OUTCOMES = 10_000;
export const WINDOW_POSITIVES = 200;
export const WINDOW_CAP = 100_000;

/** Fewer outcomes choose no threshold. */
export const LEAST_OUTCOMES = 100;

/** False alerts that are counted beside those seen: one as above, one since the lowest of many thresholds is taken. */
const MISTAKES = 2;

const NOTHING = 0xffff;

export class OutcomeThreshold {
  readonly #goal: OutcomeGoal;
  /** A ring of outcomes: bin of the score · 4 + 2 if it was alerted + the target; NOTHING where one was withdrawn. */
  readonly #cells = new Uint16Array(WINDOW_CAP);
  #first = 0;
  #count = 0;
  readonly #positives = new Int32Array(SCORE_BINS);
  readonly #negatives = new Int32Array(SCORE_BINS);
  /** Of outcomes that stand: by alerted · 2 + target. */
  readonly #tally = [0, 0, 0, 0];
  /** Least bin that raises alerts; SCORE_BINS: none does. */
  #bin = SCORE_BINS;
  #isDue = false;

  constructor(goal: OutcomeGoal) {
    this.#goal = goal;
  }

  /** With another goal the outcomes are those that were saved. */
  static load(goal: OutcomeGoal, saved: Uint8Array): OutcomeThreshold {
    const threshold = new OutcomeThreshold(goal);
    const reader = new StateReader(saved, 'alert threshold');
    const cells = reader.bytes();
    const view = new DataView(cells.buffer, cells.byteOffset, cells.length);
    for (let i = 0; i < cells.length; i += 2) threshold.#append(view.getUint16(i, true));
    reader.finish();
    threshold.#isDue = true;
    return threshold;
  }

  /** Counts an outcome; the threshold stays until `choose`. What cannot be measured is left out. */
  fold({ score, target, prior }: GoalOutcome): void {
    if (!(score >= 0 && score <= 1) || (target === undefined && prior === undefined)) return;
    this.#isDue = true;
    const bin = binOf(score);
    if (prior !== undefined) this.#replace(bin, prior > 0.5 ? 1 : 0, target);
    else if (target !== undefined) {
      this.#append(bin * 4 + (bin >= this.#bin ? 2 : 0) + (target > 0.5 ? 1 : 0));
      this.#trim();
    }
  }

  /** Chooses the threshold anew, from all outcomes that were folded. */
  choose(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#bin = this.#standing < LEAST_OUTCOMES ? SCORE_BINS : this.#best();
  }

  meets(score: number): boolean {
    return score >= 0 && score <= 1 && binOf(score) >= this.#bin;
  }

  get figures(): GoalFigures {
    const [passed, missed, wrong, caught] = this.#tally as [number, number, number, number];
    return {
      threshold: this.#bin >= SCORE_BINS ? null : binEdges(this.#bin).from,
      precision: caught + wrong === 0 ? null : caught / (caught + wrong),
      recall: caught + missed === 0 ? null : caught / (caught + missed),
      outcomes: passed + missed + wrong + caught,
      positives: missed + caught,
      alerted: wrong + caught,
    };
  }

  /** Oldest first. */
  save(): Uint8Array {
    const writer = new StateWriter('alert threshold');
    const cells = new Uint8Array(this.#count * 2);
    const view = new DataView(cells.buffer);
    for (let i = 0; i < this.#count; i++) view.setUint16(i * 2, this.#cells[this.#place(i)]!, true);
    writer.bytes(cells);
    return writer.finish();
  }

  get #standing(): number {
    return this.#tally[0]! + this.#tally[1]! + this.#tally[2]! + this.#tally[3]!;
  }

  /** For precision the lowest threshold that keeps it, for recall the highest. */
  #best(): number {
    const { kind, atLeast } = this.#goal;
    const all = this.#tally[1]! + this.#tally[3]!;
    let best = SCORE_BINS;
    let caught = 0;
    let wrong = 0;
    for (let bin = SCORE_BINS - 1; bin >= 0; bin--) {
      if (this.#positives[bin] === 0 && this.#negatives[bin] === 0) continue;
      caught += this.#positives[bin]!;
      wrong += this.#negatives[bin]!;
      if (kind === 'recall') {
        if (caught >= atLeast * (all + 1)) return bin;
      } else if (caught >= atLeast * (caught + wrong + MISTAKES)) best = bin;
    }
    return best;
  }

  #replace(bin: number, prior: number, target: number | undefined): void {
    for (let i = this.#count - 1; i >= 0; i--) {
      const place = this.#place(i);
      const cell = this.#cells[place]!;
      if (cell >> 2 !== bin || (cell & 1) !== prior || cell === NOTHING) continue;
      this.#tell(cell, -1);
      const now = target === undefined ? NOTHING : (cell & ~1) + (target > 0.5 ? 1 : 0);
      this.#cells[place] = now;
      this.#tell(now, 1);
      return;
    }
  }

  #append(cell: number): void {
    if (this.#count === WINDOW_CAP) this.#drop();
    this.#cells[this.#place(this.#count)] = cell;
    this.#count += 1;
    this.#tell(cell, 1);
  }

  #trim(): void {
    while (this.#count > WINDOW_OUTCOMES && this.#tally[1]! + this.#tally[3]! > WINDOW_POSITIVES) this.#drop();
  }

  #drop(): void {
    this.#tell(this.#cells[this.#first]!, -1);
    this.#first = (this.#first + 1) % WINDOW_CAP;
    this.#count -= 1;
  }

  #tell(cell: number, change: 1 | -1): void {
    if (cell === NOTHING) return;
    (cell & 1 ? this.#positives : this.#negatives)[cell >> 2]! += change;
    this.#tally[cell & 3]! += change;
  }

  #place(i: number): number {
    return (this.#first + i) % WINDOW_CAP;
  }
}
