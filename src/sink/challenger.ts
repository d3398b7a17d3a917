// A model beside the serving one: it learns what the score table had kept when it was asked for, then the stream's examples in the
// order in which the serving one learns them. From a certain example on both are compared, just before they learn it.
//
// Which example that is follows from the number of stored ones alone, and what is learned when follows from nothing but the order: so
// neither the pace of the training nor a restart shows in what comes of it. Whoever brings an example that needs the training to be
// further waits for it (`need`).

import type { ModelOptions } from '../flow/pipeline.ts';
import { judge } from '../model/judgement.ts';
import type { Judgement, LearnedTask, Model, Task, TrainingExample } from '../model/model.ts';
import { MillraceError } from '../runtime/errors.ts';
import { isAboveItem } from '../scores/item-position.ts';
import type { RetrainingFigures, StoredExample, StoredExamples, TrainedState } from '../scores/retraining.ts';
import type { Example, ItemPosition } from '../scores/score-store.ts';
import type { FeatureRow } from '../scores/scorer.ts';
import { newDuel, packChallenger, type SavedChallenger, type Waiting } from './challenger-state.ts';

export interface ChallengerPlan {
  readonly command: number;
  readonly options: ModelOptions;
  /** Examples that it is compared on before it is given up. */
  readonly patience: number;
}

export interface ChallengerPorts {
  /** Stored examples after the first so many. */
  readonly stored: (from: number) => Promise<readonly StoredExample[]>;
  readonly keep: (trained: TrainedState) => Promise<void>;
  /** What is kept by now: by another sink perhaps, that learned before this one or does not know yet that it should not any more. */
  readonly kept: () => Promise<{ readonly trained: number; readonly model: Model } | undefined>;
  readonly targetOf: (task: Task, label: string) => number;
  /** Lets everything else have its turn. */
  readonly pause: () => Promise<void>;
}

/** Taken over from the serving model, or not. */
export type Verdict = 'better' | 'no better';

/** The comparison begins when the stream has brought one example for so many stored ones: so much of its past for the training, */
const STORED_FOR_EACH = 20;
/** of many stored ones not later than with this one, */
const USUALLY_COMPARED = 1_000;
/** unless a batch would then wait for more than so many for each of its examples. */
const MOST_FOR_EACH = 100;
/** Stored examples that are learned in one go. */
const SLICE = 100;
/** Stored examples after which the state is kept. */
const KEEP_EVERY = 20_000;
/** Characters of examples that wait: where they are more, they wait no longer for their time. */
const MOST_WAITING = 32_000_000;

export class Challenger {
  readonly plan: ChallengerPlan;
  readonly #ports: ChallengerPorts;
  #model: Model;
  /** Undefined: what it is trained on is being copied. */
  #stored: StoredExamples | undefined;
  #trained = 0;
  #kept = 0;
  /** Labelled examples of the stream that it was given. */
  #seen = 0;
  /** By partition: the last that it was given. */
  #given: (ItemPosition | undefined)[] = [];
  /** What the stream brought while it was trained. Undefined: it learns along. */
  #waiting: Waiting[] | undefined = [];
  #waitingSize = 0;
  #duel = newDuel();
  #turn: Promise<void> = Promise.resolve();
  readonly #own: Judgement = { loss: 0, wrong: 0 };
  readonly #other: Judgement = { loss: 0, wrong: 0 };

  constructor(plan: ChallengerPlan, model: Model, ports: ChallengerPorts, saved?: SavedChallenger) {
    this.plan = plan;
    this.#model = model;
    this.#ports = ports;
    if (saved === undefined) return;
    this.#stored = saved.stored;
    this.#seen = saved.seen;
    this.#given = [...saved.given];
    this.#duel = saved.duel;
    this.#waiting = saved.waiting === undefined ? undefined : [...saved.waiting];
    this.#trained = this.#kept = this.#waiting === undefined ? saved.stored.count : saved.trained;
    for (const { features } of this.#waiting ?? []) this.#waitingSize += features.length;
    this.#joinIfTrained();
  }

  /** It is copied: examples that came meanwhile are among them, or wait. */
  begin(stored: StoredExamples): void {
    this.#stored = stored;
    const isLater = ({ partition, at }: Waiting): boolean => isAboveItem(at, stored.start[partition]);
    this.#waiting = this.#waiting!.filter(isLater);
    this.#seen = this.#waiting.filter(({ label }) => label !== null).length;
    for (const [partition, at] of stored.start.entries())
      if (at !== undefined && isAboveItem(at, this.#given[partition])) this.#given[partition] = at;
    this.#joinIfTrained();
  }

  /** The trained model, to serve. */
  get model(): Model {
    return this.#model;
  }

  /** Everything it will be trained on is known. */
  get began(): boolean {
    return this.#stored !== undefined;
  }

  get isTrained(): boolean {
    return this.#stored !== undefined && this.#trained >= this.#stored.count;
  }

  get learnsArrivals(): boolean {
    return this.#model.learnsArrivals;
  }

  get figures(): RetrainingFigures {
    const { pairs, own, other } = this.#duel;
    const none = pairs === 0;
    return { trained: this.#trained, judged: pairs, loss: none ? null : other, servingLoss: none ? null : own };
  }

  wasGiven(partition: number, at: ItemPosition): boolean {
    return !isAboveItem(at, this.#given[partition]);
  }

  /** Another model serves: what was compared says nothing of that one. */
  compareAnew(): void {
    this.#duel = newDuel();
  }

  /**
   * An example as the serving model is about to learn it, or has learned it. One that it was given already is left out.
   * @param serving undefined: it has learned it, so the two cannot be compared on it
   */
  take(
    partition: number,
    example: Example,
    row: FeatureRow | undefined,
    serving: Model | undefined,
  ): Verdict | undefined {
    if (this.wasGiven(partition, example.at)) return undefined;
    this.#given[partition] = example.at;
    if (example.label !== null) this.#seen += 1;
    if (this.#waiting === undefined) {
      const compared = this.#seen > this.#comparedAfter ? serving : undefined;
      return this.#learn(example, row ?? rowOf(example), compared);
    }
    this.#waiting.push({ partition, ...example });
    this.#waitingSize += example.features.length;
    return undefined;
  }

  /** Stored examples that must be learned before the stream may bring so many more that are labelled. */
  need(more: number): number {
    if (this.#stored === undefined || this.#waiting === undefined) return 0;
    const { count } = this.#stored;
    const after = this.#comparedAfter;
    if (this.#seen + more > after || this.#waitingSize > MOST_WAITING) return count;
    return Math.ceil((count * (this.#seen + more)) / after);
  }

  /** Learns stored examples until there were `until`, in slices. Calls take turns. Rejects where they cannot be read or kept. */
  train(until: number, stop: AbortSignal): Promise<void> {
    const done = this.#turn.then(() => this.#train(until, stop));
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Keeps what training came to, for the next start. */
  async keep(): Promise<void> {
    if (this.#waiting === undefined || this.#kept === this.#trained) return;
    const trained = this.#trained;
    await this.#ports.keep({ trained, state: this.#model.save() });
    this.#kept = trained;
  }

  /** Undefined while it has not begun: then it is begun again. */
  save(): Uint8Array | undefined {
    if (this.#stored === undefined) return undefined;
    return packChallenger({
      plan: this.plan,
      stored: this.#stored,
      trained: this.#trained,
      seen: this.#seen,
      given: this.#given,
      duel: this.#duel,
      waiting: this.#waiting,
      model: this.#waiting === undefined ? this.#model.save() : undefined,
    });
  }

  get #comparedAfter(): number {
    const { count } = this.#stored!;
    return Math.max(Math.min(Math.ceil(count / STORED_FOR_EACH), USUALLY_COMPARED), Math.ceil(count / MOST_FOR_EACH));
  }

  async #train(until: number, stop: AbortSignal): Promise<void> {
    const { count } = this.#stored!;
    while (this.#trained < Math.min(until, count) && !stop.aborted) {
      const examples = await this.#ports.stored(this.#trained);
      if (examples.length === 0) await this.#goOnFromKept();
      for (let from = 0; from < examples.length && !stop.aborted; from += SLICE) {
        const slice = examples.slice(from, from + SLICE);
        for (const example of slice) this.#learnStored(example);
        this.#trained += slice.length;
        if (this.isTrained) await this.#finish();
        else await this.#ports.pause();
      }
      if (this.#trained - this.#kept >= KEEP_EVERY) await this.keep();
    }
  }

  /** Learns along at once, and keeps what the training alone came to: no checkpoint has the model yet. */
  async #finish(): Promise<void> {
    const state = this.#model.save();
    const trained = this.#trained;
    this.#joinIfTrained();
    await this.#ports.keep({ trained, state });
    this.#kept = trained;
  }

  /** Examples that are gone are in what is kept. */
  async #goOnFromKept(): Promise<void> {
    const kept = await this.#ports.kept();
    if (kept === undefined || kept.trained <= this.#trained)
      throw new MillraceError('MODEL_STATE', `stored examples after the first ${this.#trained} are gone`);
    this.#model = kept.model;
    this.#trained = this.#kept = kept.trained;
    this.#joinIfTrained();
  }

  #learnStored({ features, label, weight }: StoredExample): void {
    const row = JSON.parse(features) as FeatureRow;
    if (this.#model.learnsArrivals) this.#learn({ label: null, weight }, row, undefined);
    if (Number.isFinite(this.#ports.targetOf(this.#model.task, label))) this.#learn({ label, weight }, row, undefined);
  }

  /** What waits is learned at once: it is little. */
  #joinIfTrained(): void {
    if (!this.isTrained || this.#waiting === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#waitingSize = 0;
    for (const example of waiting) this.#learn(example, rowOf(example), undefined);
  }

  /** Whatever it throws is a failure of the challenger alone. */
  #learn(example: Pick<Example, 'label' | 'weight'>, row: FeatureRow, serving: Model | undefined): Verdict | undefined {
    try {
      return this.#learned(example, row, serving);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new MillraceError('MODEL_STATE', `it cannot learn an example: ${why}`, { cause: error });
    }
  }

  #learned(
    { label, weight }: Pick<Example, 'label' | 'weight'>,
    row: FeatureRow,
    serving: Model | undefined,
  ): Verdict | undefined {
    const model = this.#model;
    let verdict: Verdict | undefined;
    if (label === null) model.observe(row);
    else {
      const task = model.task as LearnedTask;
      // What it says itself stands for what the row was given: its own watch over drift looks at that.
      const [{ score, prediction }] = model.predictMany([row]) as [Said];
      const example = { features: row, target: this.#ports.targetOf(task, label), label, weight, score, prediction };
      if (serving !== undefined) verdict = this.#compare(example, serving);
      model.learn(example);
    }
    // It serves nobody: what it notices concerns nobody.
    model.takeAlarms?.();
    return verdict;
  }

  #compare(example: TrainingExample & Said, serving: Model): Verdict | undefined {
    const task = this.#model.task as LearnedTask;
    const [said] = serving.predictMany([example.features]) as [Said];
    if (!judge(task, said, example, this.#own) || !judge(task, example, example, this.#other)) return undefined;
    if (this.#duel.add(this.#own.loss, this.#other.loss)) return 'better';
    return this.#duel.pairs >= this.plan.patience ? 'no better' : undefined;
  }
}

type Said = Pick<ReturnType<Model['predictMany']>[number], 'score' | 'prediction'>;

const rowOf = (example: Pick<Example, 'features'>): FeatureRow => JSON.parse(example.features) as FeatureRow;
