// The candidates that still run, and the encoders that they share.

import type { Encoder } from '../encoder/encoder.ts';
import type { Input, Learner } from '../learner.ts';
import type { FeatureRow } from '../model.ts';
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
  /** All, those that left too. */
  readonly candidates: readonly Candidate[];
  readonly squads: readonly Squad[];
  /** Candidates that use no features. */
  readonly featureless: readonly Member[];
  readonly notices: readonly string[];
  readonly unusable: number;
}

type Visit = (index: number, learner: Learner, input: Input) => void;

const NO_INPUT: Input = { length: 0, indexes: new Int32Array(0), values: new Float64Array(0) };

export class Team {
  readonly candidates: readonly Candidate[];
  readonly notices: readonly string[];
  #squads: readonly Squad[];
  #featureless: readonly Member[];
  #unusable: number;

  constructor(parts: TeamParts) {
    this.candidates = parts.candidates;
    this.notices = parts.notices;
    this.#squads = parts.squads;
    this.#featureless = parts.featureless;
    this.#unusable = parts.unusable;
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

  /** Every candidate that runs, with the row as it wants it. */
  read(row: FeatureRow, visit: Visit): void {
    this.#visit(row, false, visit);
  }

  /** One candidate alone. */
  readFor(index: number, row: FeatureRow, visit: (learner: Learner, input: Input) => void): void {
    for (const { encoder, members } of this.#squads) {
      const member = members.find((candidate) => candidate.index === index);
      if (member) visit(member.learner, encoder.encode(row, false));
    }
  }

  /** As {@link read}; the encoders learn the row first where `enter` says so. */
  learn(row: FeatureRow, enter: boolean, visit: Visit): void {
    const [first] = this.#squads;
    const before = first?.encoder.unusable ?? 0;
    this.#visit(row, enter, visit);
    if (first) this.#unusable += first.encoder.unusable - before;
  }

  /** The row's label enters what encoders know of labels, after everybody has learned the row. */
  learnTarget(row: FeatureRow, target: number, weight: number): void {
    for (const { encoder } of this.#squads) encoder.learnTarget(row, target, weight);
  }

  observe(row: FeatureRow): void {
    this.learn(row, true, () => {});
  }

  dismiss(isRunning: (k: number) => boolean): void {
    const left = (members: readonly Member[]): readonly Member[] => members.filter(({ index }) => isRunning(index));
    this.#featureless = left(this.#featureless);
    this.#squads = this.#squads
      .map((squad) => ({ ...squad, members: left(squad.members) }))
      .filter(({ members }) => members.length > 0);
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

  #visit(row: FeatureRow, enter: boolean, visit: Visit): void {
    for (const { index, learner } of this.#featureless) visit(index, learner, NO_INPUT);
    for (const { encoder, members } of this.#squads) {
      const input = encoder.encode(row, enter);
      for (const { index, learner } of members) visit(index, learner, input);
    }
  }
}

function saveMembers(writer: StateWriter, members: readonly Member[]): void {
  writer.u32(members.length);
  for (const { index, learner } of members) {
    writer.u32(index);
    writer.bytes(learner.save());
  }
}
