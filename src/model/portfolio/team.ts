// The candidates that still run, and the encoders that they share.

import type { Encoder } from '../encoder/encoder.ts';
import { FusedLinear } from '../fused-linear.ts';
import type { CodeExpression, Input, Learner } from '../learner.ts';
import type { FeatureRow, LearnedTask } from '../model.ts';
import type { StateWriter } from '../saved-state.ts';
import type { Candidate, EncoderGroup } from './candidates.ts';

export interface Member {
  /** In the list of all candidates. */
  readonly index: number;
  readonly learner: Learner;
}

export interface Squad {
  readonly group: EncoderGroup;
  readonly encoder: Encoder;
  readonly members: readonly Member[];
}

export interface TeamParts {
  readonly task: LearnedTask;
  /** Encoders learn rows as they arrive, not with their labels. */
  readonly learnsArrivals: boolean;
  /** All, those that left too. */
  readonly candidates: readonly Candidate[];
  readonly squads: readonly Squad[];
  /** Candidates that use no features. */
  readonly featureless: readonly Member[];
  readonly notices: readonly string[];
  readonly unusable: number;
}

/** @param said the probability of true, the number, or the probability of the example's class */
type Hear = (index: number, said: number) => void;

const SAID: CodeExpression = { code: 'said', uses: {} };

const NO_INPUT: Input = { length: 0, indexes: new Int32Array(0), values: new Float64Array(0) };

export class Team {
  readonly candidates: readonly Candidate[];
  readonly notices: readonly string[];
  readonly #task: LearnedTask;
  readonly #learnsArrivals: boolean;
  /** By squad: row and learner in one function, where a linear one is left alone. */
  #fused: readonly (FusedLinear<number> | undefined)[] = [];
  #squads: readonly Squad[];
  #featureless: readonly Member[];
  #unusable: number;

  constructor(parts: TeamParts) {
    this.candidates = parts.candidates;
    this.notices = parts.notices;
    this.#squads = parts.squads;
    this.#featureless = parts.featureless;
    this.#unusable = parts.unusable;
    this.#task = parts.task;
    this.#learnsArrivals = parts.learnsArrivals;
    this.#fuse();
  }

  get squads(): readonly Squad[] {
    return this.#squads;
  }

  /** Values that were unusable for the first squad there was at the time. */
  get unusable(): number {
    return this.#unusable;
  }

  get bytes(): number {
    const learners = [...this.#featureless, ...this.#squads.flatMap(({ members }) => members)];
    const encoders = this.#squads.reduce((sum, { encoder }) => sum + encoder.bytes, 0);
    return learners.reduce((sum, { learner }) => sum + learner.bytes, encoders) + 200 * this.candidates.length;
  }

  /** What each candidate that is asked says of each row; of a row in the candidates' order. Not of classes. */
  say(
    rows: readonly FeatureRow[],
    asked: (index: number) => boolean,
    hear: (row: number, index: number, said: number) => void,
  ): void {
    for (const { index, learner } of this.#featureless)
      if (asked(index)) for (let i = 0; i < rows.length; i++) hear(i, index, learner.predict(NO_INPUT));
    for (let s = 0; s < this.#squads.length; s++) {
      const { encoder, members } = this.#squads[s]!;
      const first = members[0]!.index;
      const said = asked(first) ? this.#fused[s]?.predict(rows) : undefined;
      if (said) for (let i = 0; i < rows.length; i++) hear(i, first, said[i]!);
      else if (members.some(({ index }) => asked(index)))
        for (let i = 0; i < rows.length; i++) {
          const input = encoder.encode(rows[i]!, false);
          for (const { index, learner } of members) if (asked(index)) hear(i, index, learner.predict(input));
        }
    }
  }

  /** By class, of one candidate. */
  outputsOf(index: number, row: FeatureRow, hear: (outputs: Float64Array) => void): void {
    for (const { encoder, members } of this.#squads) {
      const member = members.find((candidate) => candidate.index === index);
      if (member) hear(member.learner.outputs!(encoder.encode(row, false)));
    }
  }

  /**
   * Every candidate that runs learns the row, the encoders first unless they learn arrivals.
   * @param hear what each says of it before it learns; undefined: they are not asked
   */
  learn(row: FeatureRow, target: number, weight: number, hear: Hear | undefined): void {
    const before = this.#unusableNow;
    for (const { index, learner } of this.#featureless) this.#teach(index, learner, NO_INPUT, target, weight, hear);
    for (let s = 0; s < this.#squads.length; s++) {
      const { encoder, members } = this.#squads[s]!;
      const said = this.#fused[s]?.learn(row, target, weight, hear !== undefined) ?? false;
      if (typeof said === 'number') hear?.(members[0]!.index, said);
      if (said !== false) continue;
      const input = encoder.encode(row, !this.#learnsArrivals);
      for (const { index, learner } of members) this.#teach(index, learner, input, target, weight, hear);
    }
    this.#unusable += this.#unusableNow - before;
  }

  /** The row's label enters what encoders know of labels, after everybody has learned the row. */
  learnTarget(row: FeatureRow, target: number, weight: number): void {
    for (const { encoder } of this.#squads) encoder.learnTarget(row, target, weight);
  }

  /** The encoders learn a row, candidates do not. */
  observe(row: FeatureRow): void {
    const before = this.#unusableNow;
    for (const { encoder } of this.#squads) encoder.encode(row, true);
    this.#unusable += this.#unusableNow - before;
  }

  dismiss(isRunning: (k: number) => boolean): void {
    const left = (members: readonly Member[]): readonly Member[] => members.filter(({ index }) => isRunning(index));
    this.#featureless = left(this.#featureless);
    this.#squads = this.#squads
      .map((squad) => ({ ...squad, members: left(squad.members) }))
      .filter(({ members }) => members.length > 0);
    this.#fuse();
  }

  /** What candidates without features add to a weighted mean. */
  featurelessPart(weights: Float64Array): number {
    return this.#featureless.reduce((sum, { index, learner }) => sum + weights[index]! * learner.predict(NO_INPUT), 0);
  }

  saveNames(writer: StateWriter): void {
    writer.u32(this.candidates.length);
    for (const { name } of this.candidates) writer.text(name);
  }

  save(writer: StateWriter): void {
    writer.f64(this.#unusable);
    writer.u32(this.#squads.length);
    for (const { group, encoder, members } of this.#squads) {
      writer.text(group);
      encoder.save(writer);
      saveMembers(writer, members);
    }
    saveMembers(writer, this.#featureless);
  }

  #teach(index: number, learner: Learner, input: Input, target: number, weight: number, hear: Hear | undefined): void {
    if (hear)
      hear(index, this.#task === 'multiclass' ? (learner.outputs!(input)[target] ?? 0) : learner.predict(input));
    learner.learn(input, target, weight);
  }

  /** Of the first squad: a value counts once, not for each of them. */
  get #unusableNow(): number {
    return this.#squads[0]?.encoder.unusable ?? 0;
  }

  #fuse(): void {
    this.#fused = this.#squads.map(({ encoder, members: [only, ...others] }) =>
      this.#task === 'multiclass' || others.length > 0
        ? undefined
        : FusedLinear.of<number>(encoder, only!.learner.linear, !this.#learnsArrivals, SAID),
    );
  }
}

function saveMembers(writer: StateWriter, members: readonly Member[]): void {
  writer.u32(members.length);
  for (const { index, learner } of members) {
    writer.u32(index);
    writer.bytes(learner.save());
  }
}
