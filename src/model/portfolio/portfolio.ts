// `auto`: a model of models. Candidates run side by side on the same examples; each is judged by the loss that it had before it
// learned an example, losers leave, and those left speak together: of a probability the mean of calibrated log-odds, of a number
// the mean, of classes the best alone, as averages of classes could not be explained. Averaging was better than serving the best on
// every dataset of `npm run bench -- portfolio`, most where positives are rare.

import type { ScoreCorrection } from '../calibration/score-correction.ts';
import type { ClassList } from '../class-list.ts';
import { classPrediction } from '../class-prediction.ts';
import { ExampleReader } from '../example-reader.ts';
import type {
  Explanation,
  FeatureRow,
  LearnedTask,
  Model,
  ModelSettings,
  Prediction,
  RaceEntry,
  TrainingExample,
} from '../model.ts';
import { StateWriter } from '../saved-state.ts';
import { predictionOf } from '../target.ts';
import { logOddsOf } from './calibration.ts';
import type { Losses } from './losses.ts';
import type { Race } from './race.ts';
import { explainTogether } from './shared-explanation.ts';
import type { Team } from './team.ts';

/** Whose weight is above this gave the score as good as alone. */
const ALONE = 0.9;

/** What its saved state is called. */
export function portfolioState(task: LearnedTask): string {
  return `auto ${task} model`;
}

export interface PortfolioParts {
  readonly task: LearnedTask;
  readonly settings: ModelSettings;
  readonly learnsArrivals: boolean;
  readonly team: Team;
  readonly race: Race;
  readonly losses: Losses;
  readonly classes: ClassList | undefined;
  /** Of a boolean's probability: that of all candidates together. */
  readonly correction: ScoreCorrection | undefined;
  readonly classWeights: Readonly<Record<string, number>> | undefined;
  readonly examples: number;
  readonly skipped: number;
}

export class Portfolio implements Model {
  readonly task: LearnedTask;
  readonly settings: ModelSettings;
  readonly learnsArrivals: boolean;
  readonly #team: Team;
  readonly #race: Race;
  readonly #losses: Losses;
  readonly #classes: ClassList | undefined;
  readonly #reader: ExampleReader;
  readonly #correction: ScoreCorrection | undefined;
  /** The candidate that gives the last label; -1: none. */
  readonly #last: number;
  #examples: number;
  #skipped: number;

  constructor(parts: PortfolioParts) {
    this.task = parts.task;
    this.settings = parts.settings;
    this.learnsArrivals = parts.learnsArrivals;
    this.#team = parts.team;
    this.#race = parts.race;
    this.#losses = parts.losses;
    this.#classes = parts.classes;
    this.#reader = new ExampleReader(parts.classes, parts.classWeights);
    this.#correction = parts.correction;
    this.#last = parts.team.candidates.findIndex(({ kind }) => kind === 'last');
    this.#examples = parts.examples;
    this.#skipped = parts.skipped;
  }

  /** Of the candidate with most to say. */
  get kind(): string {
    return this.#team.candidates[this.#race.leader]!.kind;
  }

  get notices(): readonly string[] {
    return this.#team.notices;
  }

  get examples(): number {
    return this.#examples;
  }

  get skipped(): number {
    return this.#skipped;
  }

  get unusable(): number {
    return this.#team.unusable;
  }

  get bytes(): number {
    return this.#team.bytes + (this.#classes?.bytes ?? 0) + (this.#correction?.bytes ?? 0);
  }

  get race(): readonly RaceEntry[] {
    return this.#race.entries();
  }

  predictMany(rows: readonly FeatureRow[]): Prediction[] {
    const predictions = new Array<Prediction>(rows.length);
    if (this.#classes) {
      for (let i = 0; i < rows.length; i++) predictions[i] = this.#predictClass(rows[i]!, this.#classes.names);
      return predictions;
    }
    const blended = this.#blend(rows);
    for (let i = 0; i < rows.length; i++) {
      const score = this.#correction ? this.#correction.apply(blended[i]!) : blended[i]!;
      predictions[i] = { score, prediction: predictionOf(this.task, score) };
    }
    return predictions;
  }

  learn(example: TrainingExample): void {
    this.#examples += 1;
    if (!this.#reader.read(example)) {
      this.#skipped += 1;
      return;
    }
    const { target, weight } = this.#reader;
    if (this.#correction && !this.#learns(this.#correction, example, weight)) return;
    if (weight > 0) this.#losses.count(target);
    const judged = weight > 0 && this.#losses.judging;
    const hear = judged ? (k: number, said: number) => this.#losses.take(k, said, target, weight) : undefined;
    this.#team.learn(example.features, target, weight, hear);
    this.#team.learnTarget(example.features, target, weight);
    if (!judged) return;
    if (this.#last >= 0) this.#judgeLast(this.#last, example);
    const { absolute, relative } = this.#losses.ofExample((k) => this.#race.isRunning(k), weight);
    if (this.#race.learn(absolute, relative, this.#losses.evidence)) this.#team.dismiss((k) => this.#race.isRunning(k));
  }

  observe(row: FeatureRow): void {
    if (this.learnsArrivals) this.#team.observe(row);
  }

  explain(row: FeatureRow, top: number): Explanation {
    return explainTogether(this.#team, row, this.task, { weights: this.#race.weights, losses: this.#losses, top });
  }

  save(): Uint8Array {
    const writer = new StateWriter(portfolioState(this.task));
    writer.f64(this.#examples);
    writer.f64(this.#skipped);
    this.#classes?.save(writer);
    this.#team.saveNames(writer);
    this.#race.save(writer);
    this.#losses.save(writer);
    this.#team.save(writer);
    this.#correction?.save(writer);
    return writer.finish();
  }

  /** Whether candidates are to learn the example; of one that is left out only its row enters what encoders know. */
  #learns(correction: ScoreCorrection, { features, target }: TrainingExample, weight: number): boolean {
    if (correction.calibrates) correction.calibrate(this.#blend([features])[0]!, target, weight);
    if (correction.takes(target)) return true;
    if (!this.learnsArrivals) this.#team.observe(features);
    this.#team.learnTarget(features, target, weight);
    return false;
  }

  /** What all candidates say of each row together. */
  #blend(rows: readonly FeatureRow[]): Float64Array {
    const { weights } = this.#race;
    const binary = this.task === 'binary';
    const blended = new Float64Array(rows.length);
    this.#team.say(
      rows,
      (k) => weights[k] !== 0,
      (i, k, said) => {
        blended[i]! += weights[k]! * (binary ? this.#losses.calibrated(k, logOddsOf(said)) : said);
      },
    );
    if (binary) for (let i = 0; i < blended.length; i++) blended[i] = 1 / (1 + Math.exp(-blended[i]!));
    return blended;
  }

  #predictClass(row: FeatureRow, names: readonly string[]): Prediction {
    const { leader } = this.#race;
    let prediction: Prediction = { score: 0, prediction: null };
    this.#team.outputsOf(leader, row, (outputs) => (prediction = classPrediction(names, outputs)));
    return prediction;
  }

  /** The last label is judged by what it was worth when the row was scored. */
  #judgeLast(k: number, { score, target }: TrainingExample): void {
    const served = this.#race.weights[k]! > ALONE;
    if (served && typeof score === 'number' && Number.isFinite(score)) this.#losses.age(k, score, target);
    this.#losses.makeStale(k);
  }
}
