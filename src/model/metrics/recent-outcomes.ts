// Quality over the last outcomes, from what is kept of each: exact whatever labels changed or went. The same outcomes, each
// counting less the older it is, give the fading figures: nothing else is kept for them.

import type { StateReader, StateWriter } from '../saved-state.ts';
import { binaryQuality, type BinaryQuality } from './binary-tally.ts';
import { ClassNames } from './class-names.ts';
import { answersOf, classQuality, type ClassAnswer } from './class-tally.ts';
import { forecastNote } from './forecast-note.ts';
import { intervalAnswer } from './interval-tally.ts';
import { macroRocAuc } from './macro-auc.ts';
import { OutcomeWindow, type Standing } from './outcome-window.ts';
import type { MeasuredTask, MetricValue, Outcome } from './outcome.ts';
import { outputsQuality } from './outputs-tally.ts';
import { regressionQuality } from './regression-tally.ts';

/** Outcomes in the period `recent`. */
export const RECENT_OUTCOMES = 10_000;

/** In the period `fading` an outcome counts so much of what the one after it counts: half after 693 outcomes. */
export const FADING_FACTOR = 1 - 1 / 1_000;

/** Columns of the window by task; the segment's number follows where there are segments. */
const COLUMNS: Readonly<Record<MeasuredTask, { readonly names: readonly string[]; readonly matched: number }>> = {
  binary: { names: ['score', 'target'], matched: 2 },
  regression: { names: ['score', 'target', 'pinball', 'covered', 'nominal'], matched: 2 },
  multiclass: { names: ['said', 'truth', 'probability', 'squares'], matched: 4 },
};

/** Of so many classes, the first that came, the probabilities are kept: with more there is no ROC AUC. */
export const RANKED_CLASSES = 20;

/** Nothing was said. */
const NO_CLASS = -1;

export class RecentOutcomes {
  readonly #task: MeasuredTask;
  readonly #window: OutcomeWindow;
  readonly #segmentColumn: number;
  readonly #names = new ClassNames();
  /** What an outcome is folded as: used again for each. */
  readonly #now: Float64Array;
  readonly #before: Float64Array;

  constructor(task: MeasuredTask, segments: boolean) {
    this.#task = task;
    const { names, matched } = COLUMNS[task];
    this.#segmentColumn = names.length;
    this.#now = new Float64Array(names.length + 1);
    this.#before = new Float64Array(matched);
    this.#window = new OutcomeWindow({
      capacity: RECENT_OUTCOMES,
      columns: names.length + (segments ? 1 : 0),
      matched,
    });
  }

  /** @param target, prior of the outcome, undefined where they are of no use; not read for classes @param segment its number; NaN: none */
  fold(outcome: Outcome, target: number | undefined, prior: number | undefined, segment: number): void {
    const [now, before] = [this.#now, this.#before];
    now[this.#segmentColumn] = segment;
    if (this.#task === 'multiclass') {
      const answers = answersOf(outcome);
      if (answers.now) this.#put(answers.now, now);
      if (answers.before) this.#put(answers.before, before);
      this.#window.fold(answers.now && now, answers.before && before, answers.now && this.#probabilities(outcome));
      return;
    }
    now[0] = before[0] = outcome.score;
    now[1] = target ?? Number.NaN;
    before[1] = prior ?? Number.NaN;
    let note: Float64Array | undefined;
    if (this.#task === 'regression') {
      const interval = target === undefined ? undefined : intervalAnswer(target, outcome.outputs);
      now[2] = interval?.pinball ?? Number.NaN;
      now[3] = interval?.covered ?? Number.NaN;
      now[4] = interval?.nominal ?? Number.NaN;
      if (target !== undefined) note = forecastNote(outcome.outputs);
    }
    this.#window.fold(target === undefined ? undefined : now, prior === undefined ? undefined : before, note);
  }

  quality(): BinaryQuality {
    return this.#measure(this.#window.standing());
  }

  /** Of the same outcomes, those of a segment. */
  ofSegment(segment: number): MetricValue[] {
    return this.#measure(this.#window.standing({ column: this.#segmentColumn, value: segment })).values;
  }

  fading(): MetricValue[] {
    const standing = this.#window.standing();
    return this.#measure(
      standing,
      standing.ages.map((age) => FADING_FACTOR ** age),
    ).values;
  }

  save(writer: StateWriter): void {
    if (this.#task === 'multiclass') this.#names.save(writer);
    if (this.#task !== 'binary') this.#window.saveNotes(writer);
    this.#window.save(writer);
  }

  /** @param stay the saved outcomes' segments are the same; else they are in none @param first of the schema without notes */
  load(reader: StateReader, stay: boolean, first: boolean): void {
    if (this.#task === 'multiclass') this.#names.load(reader);
    if (this.#task !== 'binary' && !first) this.#window.loadNotes(reader);
    this.#window.load(reader, stay ? Infinity : this.#segmentColumn);
  }

  /** By class, in the order that they came. */
  #probabilities({ outputs }: Outcome): Float64Array {
    const note = new Float64Array(RANKED_CLASSES);
    let count = 1;
    for (const [name, probability] of outputs ?? []) {
      const number = this.#names.numberOf(name);
      if (number >= RANKED_CLASSES) continue;
      note[number] = probability;
      count = Math.max(count, number + 1);
    }
    return note.slice(0, count);
  }

  #put(answer: ClassAnswer, cells: Float64Array): void {
    const { truth, said } = this.#names.named(answer);
    cells[0] = said === null ? NO_CLASS : this.#names.numberOf(said);
    cells[1] = this.#names.numberOf(truth);
    cells[2] = answer.probability;
    cells[3] = answer.squares;
  }

  #measure({ columns, notes }: Standing, weights?: Float64Array): BinaryQuality {
    const [first, second, third, fourth, fifth] = columns as unknown as Float64Array[];
    if (this.#task === 'binary') return binaryQuality(first!, second!, weights);
    if (this.#task === 'multiclass') {
      const answers = Array.from(second!, (truth, i) => ({
        truth: this.#names.nameOf(truth),
        said: first![i] === NO_CLASS ? null : this.#names.nameOf(first![i]!),
        probability: third![i]!,
        squares: fourth![i]!,
      }));
      const isRanked = second!.every((truth) => truth < RANKED_CLASSES);
      const rocAuc = weights ? undefined : isRanked ? macroRocAuc(second!, notes) : null;
      return { values: classQuality(answers, { weights, rocAuc }), reliability: [] };
    }
    const window = { targets: second!, pinball: third!, covered: fourth!, nominal: fifth!, notes };
    const { values, baselines } = outputsQuality(window, weights);
    return { values: [...regressionQuality(first!, second!, weights, baselines), ...values], reliability: [] };
  }
}
