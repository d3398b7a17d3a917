// How well each candidate does, who leaves, and how much each that is left has to say. Prequential: a candidate's loss on an
// example is taken before it learns it (Gama, Sebastião and Rodrigues 2013, with fading sums). Losers leave at fixed counts of
// examples, by successive halving (Jamieson, Talwalkar 2016), with a margin. What is left speaks by exponential weights
// (Cesa-Bianchi, Lugosi 2006) over fading losses, so that the weights follow a world that changes.

import type { RaceEntry } from '../model.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { ENCODER_COST, type Candidate } from './candidates.ts';

/** Evidence, and how much worse than the best a candidate may be there and yet stay. Half of them stay in any case. */
const ROUNDS: readonly (readonly [evidence: number, margin: number])[] = [
  [256, 0.5],
  [1_024, 0.25],
  [4_096, 0.1],
  [16_384, 0.05],
];
/** Examples at which those leave that cost more than the budget by themselves. */
const AFFORDED_ALONE = 2_048;
/** Here all that are left come to cost no more than the budget together. */
const AFFORDED_TOGETHER = 8_192;
/** Examples that a loss for leaving is the mean of, fading. */
const RACE_WINDOW = 2_000;
/** From the third round on, who is worse by so many margins leaves even as one of the better half: it only costs. */
const FAR = 5;
const FAR_FROM = 2;

export interface Blending {
  /** Examples after which a loss has faded to 1/e. */
  readonly window: number;
  /** How fast weight leaves the worse. */
  readonly rate: number;
  /** Only the best speaks, until another's mean loss is less by this share. */
  readonly hysteresis?: number;
  /** The first candidate speaks alone before there is any loss. */
  readonly firstAlone?: boolean;
}

export type Standing = 'racing' | 'lost' | 'over budget';

interface Runner {
  standing: Standing;
  /** Examples there were when it left. */
  leftAt: number;
  /** Fading sum, for the weights. */
  recent: number;
  /** Fading sum and its count, for leaving. */
  sum: number;
  count: number;
}

export class Race {
  readonly #candidates: readonly Candidate[];
  readonly #blending: Blending;
  readonly #budget: number;
  readonly #runners: Runner[];
  readonly #weights: Float64Array;
  #examples = 0;
  /** Rounds that are over. */
  #rounds = 0;
  #chosen = 0;

  constructor(candidates: readonly Candidate[], blending: Blending, budget: number) {
    this.#candidates = candidates;
    this.#blending = blending;
    this.#budget = budget;
    this.#runners = candidates.map(({ handicap }) => ({
      standing: 'racing',
      leftAt: 0,
      recent: handicap,
      sum: 0,
      count: 0,
    }));
    this.#weights = new Float64Array(candidates.length);
    this.#weigh();
  }

  isRunning(k: number): boolean {
    return this.#runners[k]!.standing === 'racing';
  }

  /** Of each candidate, 0 of those that left; they sum to 1. */
  get weights(): Float64Array {
    return this.#weights;
  }

  /** Who has most to say. */
  get leader(): number {
    let best = this.#chosen;
    if (this.#blending.hysteresis === undefined)
      for (let k = 0; k < this.#weights.length; k++)
        if (this.#weights[k]! > this.#weights[best]! || !this.isRunning(best)) best = k;
    return best;
  }

  /**
   * An example's losses, by candidate; those of candidates that left are not read.
   * @param losses for leaving, in any unit
   * @param relative the same in units in which 1 is usual, for the weights
   * @param evidence how many examples those so far are worth: where one class is rare, twice the others'
   * @returns true where candidates left
   */
  learn(losses: Float64Array, relative: Float64Array, evidence: number): boolean {
    this.#examples += 1;
    const fading = 1 - 1 / this.#blending.window;
    const slow = 1 - 1 / RACE_WINDOW;
    for (let k = 0; k < this.#runners.length; k++) {
      const runner = this.#runners[k]!;
      if (runner.standing !== 'racing') continue;
      runner.recent = fading * runner.recent + relative[k]!;
      runner.sum = slow * runner.sum + losses[k]!;
      runner.count = slow * runner.count + 1;
    }
    const left = this.#leave(evidence);
    this.#weigh();
    return left;
  }

  entries(): RaceEntry[] {
    const leader = this.leader;
    return this.#candidates.map(({ name, kind }, k) => {
      const { standing, leftAt, count } = this.#runners[k]!;
      const running = standing === 'racing';
      return {
        candidate: name,
        kind,
        state: k === leader ? 'serving' : standing,
        examples: running ? this.#examples : leftAt,
        loss: count === 0 ? null : this.#meanLoss(k),
        weight: this.#weights[k]!,
      };
    });
  }

  save(writer: StateWriter): void {
    writer.f64(this.#examples);
    writer.u32(this.#rounds);
    writer.text(this.#candidates[this.#chosen]!.name);
    for (const { standing, leftAt, recent, sum, count } of this.#runners) {
      writer.text(standing);
      for (const value of [leftAt, recent, sum, count]) writer.f64(value);
    }
  }

  load(reader: StateReader): void {
    this.#examples = reader.f64();
    this.#rounds = reader.u32();
    const chosen = reader.text();
    this.#chosen = Math.max(
      0,
      this.#candidates.findIndex(({ name }) => name === chosen),
    );
    for (const runner of this.#runners) {
      runner.standing = reader.text() as Standing;
      runner.leftAt = reader.f64();
      runner.recent = reader.f64();
      runner.sum = reader.f64();
      runner.count = reader.f64();
    }
    this.#weigh();
  }

  #meanLoss(k: number): number {
    const { sum, count } = this.#runners[k]!;
    return count === 0 ? Infinity : sum / count;
  }

  /** Best first. */
  #running(): number[] {
    const running = this.#candidates.map((_, k) => k).filter((k) => this.isRunning(k));
    return running.sort((a, b) => this.#meanLoss(a) - this.#meanLoss(b) || a - b);
  }

  #leave(evidence: number): boolean {
    const round = ROUNDS[this.#rounds];
    const over = round !== undefined && evidence >= round[0];
    if (!over && this.#examples !== AFFORDED_ALONE && this.#examples !== AFFORDED_TOGETHER) return false;
    const before = this.#running().length;
    if (over) this.#endRound(round[1]);
    if (this.#examples === AFFORDED_ALONE) this.#affordAlone();
    if (this.#examples === AFFORDED_TOGETHER) this.#affordTogether();
    return this.#running().length < before;
  }

  #endRound(margin: number): void {
    const running = this.#running();
    const best = this.#meanLoss(running[0]!);
    for (const [place, k] of running.entries()) {
      const within = (margins: number): boolean => this.#meanLoss(k) <= best * (1 + margins * margin);
      const half = place < Math.ceil(running.length / 2);
      const young = this.#candidates[k]!.protectedUntil > this.#examples;
      if (!young && !within(1) && !(half && (this.#rounds < FAR_FROM || within(FAR)))) this.#drop(k, 'lost');
    }
    this.#rounds += 1;
  }

  /** At least one stays. */
  #affordAlone(): void {
    const running = this.#running();
    const cost = (k: number): number => this.#costOf(k, new Set([undefined]));
    const affordable = running.filter((k) => cost(k) <= this.#budget);
    const kept = affordable.length > 0 ? affordable : [running.reduce((best, k) => (cost(k) < cost(best) ? k : best))];
    for (const k of running) if (!kept.includes(k)) this.#drop(k, 'over budget');
  }

  /** Best first, as long as the budget lasts. An encoder is paid for by the first that needs it. */
  #affordTogether(): void {
    const paid = new Set<Candidate['group']>([undefined]);
    let left = this.#budget;
    for (const [place, k] of this.#running().entries()) {
      const cost = this.#costOf(k, paid);
      if (place > 0 && cost > left) {
        this.#drop(k, 'over budget');
        continue;
      }
      left -= cost;
      paid.add(this.#candidates[k]!.group);
    }
  }

  #costOf(k: number, paid: ReadonlySet<Candidate['group']>): number {
    const { cost, group } = this.#candidates[k]!;
    return cost + (group === undefined || paid.has(group) ? 0 : ENCODER_COST[group]);
  }

  #drop(k: number, standing: Standing): void {
    this.#runners[k]!.standing = standing;
    this.#runners[k]!.leftAt = this.#examples;
  }

  #weigh(): void {
    const { hysteresis, rate, firstAlone } = this.#blending;
    if (hysteresis !== undefined) return this.#choose(hysteresis);
    if (firstAlone === true && this.#examples === 0) {
      this.#weights[0] = 1;
      return;
    }
    let least = Infinity;
    for (let k = 0; k < this.#runners.length; k++)
      if (this.isRunning(k)) least = Math.min(least, this.#runners[k]!.recent);
    let total = 0;
    for (let k = 0; k < this.#runners.length; k++) {
      const weight = this.isRunning(k) ? Math.exp(-rate * (this.#runners[k]!.recent - least)) : 0;
      this.#weights[k] = weight;
      total += weight;
    }
    for (let k = 0; k < this.#weights.length; k++) this.#weights[k]! /= total;
  }

  #choose(hysteresis: number): void {
    let best = this.isRunning(this.#chosen) ? this.#chosen : -1;
    for (let k = 0; k < this.#runners.length; k++)
      if (this.isRunning(k) && (best < 0 || this.#runners[k]!.recent < this.#runners[best]!.recent)) best = k;
    const present = this.#runners[this.#chosen]!;
    if (!this.isRunning(this.#chosen) || this.#runners[best]!.recent < present.recent * (1 - hysteresis))
      this.#chosen = best;
    this.#weights.fill(0);
    this.#weights[this.#chosen] = 1;
  }
}
