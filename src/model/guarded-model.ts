// A model with what watches over it: the loss of each example just before it is learned, how scores and features are distributed; and
// what is done at a drift. docs/models.md, section Drift.

import type { DriftOptions } from './drift/drift-options.ts';
import { Duel } from './drift/duel.ts';
import { LossWatch } from './drift/loss-watch.ts';
import type { Value } from './drift/distribution-watch.ts';
import { RowWatch, type RowShift } from './drift/row-watch.ts';
import type { FeaturePlan } from './encoder/feature-role.ts';
import type {
  DriftAlarm,
  Explanation,
  FeatureRow,
  Judgement,
  LearnedTask,
  Model,
  ModelSettings,
  Prediction,
  TrainingExample,
} from './model.ts';
import { judge, type Said } from './judgement.ts';
import { StateReader, StateWriter } from './saved-state.ts';

export interface GuardParts {
  readonly options: DriftOptions;
  /** As the options name the kind: a portfolio's `kind` is that of who serves. */
  readonly name: string;
  readonly model: Model;
  readonly task: LearnedTask;
  readonly features: readonly FeaturePlan[];
  readonly seed: number;
  /** Another model with the same options that has learned nothing; undefined where one cannot be had at once. */
  readonly fresh: ((seed: number) => Model) | undefined;
}

/** What `save` gave, taken apart. */
export interface SavedGuard {
  readonly model: Uint8Array;
  readonly beside: Uint8Array | undefined;
  /** Examples, skipped and unusable ones of models that were replaced. */
  readonly counts: readonly [number, number, number];
  /** Behind these. */
  readonly reader: StateReader;
}

/** A restarted model takes over once it has learned so many examples. */
const RESTARTED_FROM = 200;
/** A model beside that was not needed or no better after so many examples goes. */
const PATIENCE = 5_000;
const SEED_STEP = 0x9e3779b9;

const START: Judgement = { loss: 0, wrong: 0 };

export class GuardedModel implements Model {
  readonly #options: DriftOptions;
  readonly #fresh: GuardParts['fresh'];
  readonly #seed: number;
  readonly #loss: LossWatch | undefined;
  readonly #rows: RowWatch | undefined;
  readonly #onArrivals: boolean;
  /** Of the score that the row was given; of what the two models say now. */
  readonly #given: Judgement = { ...START };
  readonly #own: Judgement = { ...START };
  readonly #other: Judgement = { ...START };
  readonly #task: LearnedTask;
  readonly #name: string;
  #model: Model;
  /** Learns the same examples since a warning or drift, and may take over. */
  #beside: Model | undefined;
  #duel = new Duel();
  /** Since a drift the one beside is to take over: as soon as it has learned enough, or is better. */
  #drifting = false;
  /** Models begun beside so far. */
  #begun = 0;
  /** Of models that were replaced, less what their successors counted anew. */
  #examples = 0;
  #skipped = 0;
  #unusable = 0;
  #alarms: DriftAlarm[] = [];

  constructor(parts: GuardParts, saved?: SavedGuard, beside?: Model) {
    const { options, model } = parts;
    this.#options = options;
    this.#model = model;
    this.#name = parts.name;
    this.#task = parts.task;
    this.#fresh = parts.fresh;
    this.#seed = parts.seed;
    this.#beside = beside;
    if (parts.task !== 'anomaly' && options.signals.includes('loss')) this.#loss = new LossWatch(options, parts.task);
    if (options.signals.some((signal) => signal !== 'loss'))
      this.#rows = new RowWatch(options, parts.task, parts.features);
    this.#onArrivals = parts.task === 'anomaly' || options.on === 'arrivals';
    if (saved) this.#load(saved);
  }

  /** A state that was saved before there was a guard is the model alone. */
  static unpack(saved: Uint8Array, kind: string): SavedGuard | undefined {
    const name = stateName(kind);
    if (StateReader.nameOf(saved) !== name) return undefined;
    const reader = new StateReader(saved, name);
    const model = reader.bytes();
    const beside = reader.u32() === 1 ? reader.bytes() : undefined;
    return { model, beside, counts: [reader.f64(), reader.f64(), reader.f64()], reader };
  }

  get task(): LearnedTask {
    return this.#task;
  }

  get kind(): string {
    return this.#model.kind;
  }

  get race(): Model['race'] {
    return this.#model.race;
  }

  get settings(): ModelSettings {
    return this.#model.settings;
  }

  get notices(): readonly string[] {
    return this.#model.notices;
  }

  get examples(): number {
    return this.#examples + this.#model.examples;
  }

  get skipped(): number {
    return this.#skipped + this.#model.skipped;
  }

  get unusable(): number {
    return this.#unusable + this.#model.unusable;
  }

  get learnsArrivals(): boolean {
    return this.#model.learnsArrivals || (this.#onArrivals && this.#rows !== undefined);
  }

  get bytes(): number {
    return this.#model.bytes + (this.#beside?.bytes ?? 0) + (this.#loss?.bytes ?? 0) + (this.#rows?.bytes ?? 0);
  }

  predictMany(rows: readonly FeatureRow[]): Prediction[] {
    return this.#model.predictMany(rows);
  }

  explain(row: FeatureRow, top: number): Explanation {
    return this.#model.explain(row, top);
  }

  learn(example: TrainingExample): void {
    if (this.task === 'anomaly') return this.#model.learn(example);
    if (this.#beside) this.#learnBoth(this.#beside, example);
    else this.#model.learn(example);
    if (this.#rows && !this.#onArrivals && this.#rows.due())
      this.#report(this.#rows.look(example.features, this.#saidOf(example)));
    if (!this.#loss || !judge(this.task, example, example, this.#given)) return;
    const verdict = this.#loss.add(this.#given);
    if (verdict === 'warning') this.#warned();
    else if (verdict === 'drift') this.#drifted(this.#loss);
  }

  observe(row: FeatureRow): void {
    if (this.#onArrivals && this.#rows?.due()) {
      const [said] = this.#options.signals.includes('score') ? this.#model.predictMany([row]) : [];
      this.#report(this.#rows.look(row, this.#saidOf(said)));
    }
    this.#model.observe(row);
    this.#beside?.observe(row);
  }

  takeAlarms(): readonly DriftAlarm[] {
    const alarms = this.#alarms;
    if (alarms.length > 0) this.#alarms = [];
    return alarms;
  }

  save(): Uint8Array {
    const writer = new StateWriter(stateName(this.#name));
    writer.bytes(this.#model.save());
    writer.u32(this.#beside ? 1 : 0);
    if (this.#beside) writer.bytes(this.#beside.save());
    for (const count of [this.#examples, this.#skipped, this.#unusable]) writer.f64(count);
    writer.u32(this.#begun);
    writer.u32(this.#drifting ? 1 : 0);
    this.#duel.save(writer);
    part(writer, this.#lossIdentity, this.#loss);
    part(writer, this.#rowsIdentity, this.#rows);
    return writer.finish();
  }

  #load({ counts, reader }: SavedGuard): void {
    [this.#examples, this.#skipped, this.#unusable] = counts;
    this.#begun = reader.u32();
    this.#drifting = reader.u32() === 1 && this.#beside !== undefined;
    this.#duel = Duel.load(reader);
    loadPart(reader, this.#lossIdentity, this.#loss);
    loadPart(reader, this.#rowsIdentity, this.#rows);
    reader.finish();
  }

  /** With other options a watch starts anew. */
  get #lossIdentity(): string {
    const { detector, action, warm_up } = this.#options;
    return JSON.stringify([this.task, detector, action === 'alarm', warm_up]);
  }

  get #rowsIdentity(): string {
    const { on, window, psi, missing, score, detector } = this.#options;
    return JSON.stringify([this.task, on, window, psi, missing, score, detector, this.#rows?.identity, WINDOWS]);
  }

  #learnBoth(beside: Model, example: TrainingExample): void {
    const own = learnJudged(this.#model, example, this.#own);
    if (learnJudged(beside, example, this.#other) && own) this.#compare();
  }

  #saidOf(given: Said | undefined): Value {
    return (this.task === 'multiclass' ? given?.prediction : given?.score) ?? undefined;
  }

  #report(shifts: readonly RowShift[]): void {
    for (const shift of shifts) this.#alarms.push({ ...shift, examples: this.examples, action: 'alarm' });
  }

  #warned(): void {
    const { action } = this.#options;
    if (action === 'challenger' ? this.#beside === undefined : action === 'adapt' && !this.#model.mends) this.#begin();
  }

  #drifted({ name: detector, before: from, after: to }: LossWatch): void {
    const action = this.#act();
    this.#alarms.push({ signal: 'loss', feature: null, detector, from, to, examples: this.examples, action });
  }

  /** What is done at a drift of the loss. */
  #act(): string {
    switch (this.#options.action) {
      case 'alarm':
        return 'alarm';
      case 'adapt':
        if (this.#model.mends) {
          this.#model.mend?.();
          return 'worst part replaced';
        }
        if (!this.#drifting && this.#beside === undefined) this.#begin();
        this.#drifting = true;
        if (this.#beside!.examples < RESTARTED_FROM) return 'restarting';
        this.#replace();
        return 'restarted';
      case 'challenger':
        if (this.#beside === undefined) this.#begin();
        this.#drifting = true;
        return 'challenger learns';
    }
  }

  #begin(): void {
    if (this.#drifting || this.#fresh === undefined) return;
    this.#begun += 1;
    this.#beside = this.#fresh((this.#seed + this.#begun * SEED_STEP) >>> 0);
    this.#duel = new Duel();
  }

  #compare(): void {
    const better = this.#duel.add(this.#own.loss, this.#other.loss);
    const { own: from, other: to, pairs } = this.#duel;
    const ended = (action: string): void => {
      const signal = 'loss';
      this.#alarms.push({ signal, feature: null, detector: 'challenger', from, to, examples: this.examples, action });
    };
    if (this.#options.action === 'challenger' && better) {
      this.#replace();
      ended('challenger took over');
    } else if (this.#options.action === 'adapt' && this.#drifting && pairs >= RESTARTED_FROM) {
      this.#replace();
      ended('restarted');
    } else if (pairs >= PATIENCE) {
      if (this.#drifting) ended('challenger dropped');
      this.#beside = undefined;
      this.#drifting = false;
    }
  }

  #replace(): void {
    const [before, next] = [this.#model, this.#beside!];
    this.#examples += before.examples - next.examples;
    this.#skipped += before.skipped - next.skipped;
    this.#unusable += before.unusable - next.unusable;
    this.#model = next;
    this.#beside = undefined;
    this.#drifting = false;
    this.#loss?.reset();
  }
}

/** Has the model learn it; `into` says how wrong it was just before. False where nothing was learned. */
function learnJudged(model: Model, example: TrainingExample, into: Judgement): boolean {
  if (model.judge) return model.judge(example, into);
  const [said] = model.predictMany([example.features]);
  const { skipped } = model;
  model.learn(example);
  return model.skipped === skipped && judge(model.task as LearnedTask, said!, example, into);
}

function stateName(kind: string): string {
  return `guarded ${kind} model`;
}

/** Of distributions: states of before they grew belong to another watch. */
const WINDOWS = 'growing';

interface Part {
  save(writer: StateWriter): void;
  load(reader: StateReader): void;
}

const PART = 'drift watch';

function part(writer: StateWriter, identity: string, watch: Part | undefined): void {
  const state = new StateWriter(PART);
  watch?.save(state);
  writer.text(identity);
  writer.bytes(state.finish());
}

function loadPart(reader: StateReader, identity: string, watch: Part | undefined): void {
  const same = reader.text() === identity;
  const state = reader.bytes();
  if (!same || !watch) return;
  const inner = new StateReader(state, PART);
  watch.load(inner);
  inner.finish();
}
