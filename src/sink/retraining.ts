// The challenger of a pipeline, if it has one: begun by a command, trained beside the stream, ended by a verdict, another command or
// a failure. The serving model goes on whatever becomes of it.

import type { RetrainCommand, SinkDefinition } from '../flow/pipeline.ts';
import type { Model, ModelRequest } from '../model/model.ts';
import { isRetryable, MillraceError } from '../runtime/errors.ts';
import { failPoint } from '../runtime/fail-points.ts';
import type { Place, RetrainingEnd, RetrainingFigures, RetrainingId } from '../scores/retraining.ts';
import { isAboveItem } from '../scores/item-position.ts';
import type { Example, GenerationId, ItemPosition, LearnerCheckpoint } from '../scores/score-store.ts';
import type { FeatureRow } from '../scores/scorer.ts';
import { Challenger, type ChallengerPlan, type Verdict } from './challenger.ts';
import { splitParts } from './checkpoint-parts.ts';
import { unpackChallenger } from './challenger-state.ts';
import { modelRequest } from './model-request.ts';
import { stolen } from './refusal.ts';
import type { SinkPorts } from './ports.ts';

export interface RetrainingPorts extends Pick<SinkPorts, 'store' | 'createModel' | 'loadModel' | 'targetOf' | 'clock'> {
  /** Among the writes of the pipeline's partitions: after those that were asked for before, before those that are asked for later. */
  readonly inTurn: (write: () => Promise<void>) => Promise<void>;
}

/** Stored examples that are learned before others who want it trained have their turn. */
const STEP = 500;
const SHOW_EVERY_US = 900_000;

export class Retraining {
  readonly #ports: RetrainingPorts;
  readonly #id: GenerationId;
  #challenger: Challenger | undefined;
  #ended: RetrainingEnd[] = [];
  #shown = { what: '', atUs: -Infinity };

  constructor(ports: RetrainingPorts, id: GenerationId) {
    this.#ports = ports;
    this.#id = id;
  }

  /** Goes on from what a checkpoint holds. What cannot be read is given up. */
  async restore(definition: SinkDefinition, checkpoint: LearnerCheckpoint | undefined): Promise<void> {
    const saved = checkpoint && splitParts(checkpoint.metrics).challenger;
    if (saved === undefined) return;
    const { store, createModel, loadModel } = this.#ports;
    const { command = 0, train } = definition.retrain ?? {};
    let plan: ChallengerPlan | undefined = train && { command, options: train.model, patience: train.patience };
    try {
      const challenger = unpackChallenger(saved);
      plan = challenger.plan;
      const request = requestOf(definition, plan);
      const kept = challenger.waiting && (await store.trainedState(this.#idOf(plan)));
      const state = challenger.model ?? kept?.state;
      const model = await (state === undefined ? createModel(request) : loadModel(request, state));
      this.#challenger = this.#made(plan, model, request, { ...challenger, trained: kept?.trained ?? 0 });
    } catch (error) {
      if (!isOfModel(error)) throw error;
      if (plan !== undefined)
        this.#end(plan, undefined, 'failed', `the challenger cannot be gone on with: ${error.message}`);
    }
  }

  get learnsArrivals(): boolean {
    return this.#challenger?.learnsArrivals === true;
  }

  /** What came to its end must be written. */
  get hasEnded(): boolean {
    return this.#ended.length > 0;
  }

  takeEnded(): readonly RetrainingEnd[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /**
   * Rejects with what makes a challenger impossible; it is then told as refused. One that is there goes in any case.
   * @param done called in the moment in which what was asked for is done, before anybody else has a turn
   */
  async command(
    definition: SinkDefinition,
    { command, train }: RetrainCommand,
    serving: Model,
    place: Place,
    done: () => void,
  ): Promise<void> {
    this.giveUp('cancelled', train === undefined ? 'it was cancelled' : 'another one was asked for');
    if (train === undefined) return done();
    const plan: ChallengerPlan = { command, options: train.model, patience: train.patience };
    try {
      const request = requestOf(definition, plan);
      const model = await this.#ports.createModel(request);
      checkComparable(serving, model);
      const challenger = this.#made(plan, model, request);
      // Before its turn: what other partitions learn meanwhile may not be in the copy.
      this.#challenger = challenger;
      const { store, inTurn, clock } = this.#ports;
      let failure: unknown;
      await inTurn(async () => {
        try {
          const asked = { ...train, model: JSON.stringify(train.model), atUs: clock.nowUs() };
          const stored = await store.beginRetraining(this.#idOf(plan), definition, asked, place);
          if (stored === 'stolen') throw stolen();
          failPoint('sink.examples-copied');
          challenger.begin(stored);
          done();
        } catch (error) {
          // What passes ends this turn and all after it; what does not, as a full disk, must not stop the scores.
          if (isRetryable(error)) throw error;
          failure = error;
        }
      });
      if (failure !== undefined) throw failure;
    } catch (error) {
      this.#challenger = undefined;
      if (isRetryable(error)) throw error;
      if (!(error instanceof MillraceError) || error.code !== 'MODEL_INVALID') {
        this.#end(plan, undefined, 'failed', `it could not be begun: ${messageOf(error)}`);
        return done();
      }
      this.#end(plan, undefined, 'refused', [error.message, error.hint].filter(Boolean).join('. '));
      throw error;
    }
  }

  /** @param row undefined: not parsed yet. @param serving undefined: it has learned the example already */
  take(
    partition: number,
    example: Example,
    row: FeatureRow | undefined,
    serving: Model | undefined,
  ): Verdict | 'failed' | undefined {
    try {
      return this.#challenger?.take(partition, example, row, serving);
    } catch (error) {
      if (!isOfModel(error)) throw error;
      this.giveUp('failed', error.message);
      return 'failed';
    }
  }

  /**
   * Examples that the serving model had learned before there was a challenger, and that were stored after what it is trained on was
   * copied: only beside other partitions. True where there are any: no checkpoint has them in the challenger.
   */
  missed(partition: number, examples: readonly Example[], learned: ItemPosition | undefined): boolean {
    let any = false;
    for (const example of examples) {
      if (this.#challenger === undefined || learned === undefined || isAboveItem(example.at, learned)) break;
      if (this.#challenger.wasGiven(partition, example.at)) continue;
      any = true;
      this.take(partition, example, undefined, undefined);
    }
    return any;
  }

  /**
   * Waits for as much of the training as a batch needs that may bring so many labelled examples. False: it was stopped before.
   * Rejects with what passes.
   */
  async prepare(examples: () => number, stop: AbortSignal): Promise<boolean> {
    for (;;) {
      const challenger = this.#challenger;
      if (challenger?.began !== true || challenger.isTrained) return true;
      const until = challenger.need(examples());
      if (until <= challenger.figures.trained) return true;
      if (stop.aborted) return false;
      await this.#guard(challenger, challenger.train(until, stop));
    }
  }

  /** Trains while there is something to, and shows how far it is. Rejects with what passes. */
  async train(stop: AbortSignal): Promise<void> {
    for (;;) {
      const challenger = this.#challenger;
      await this.#show();
      if (challenger?.began !== true || challenger.isTrained || stop.aborted) return;
      await this.#guard(challenger, challenger.train(challenger.figures.trained + STEP, stop));
    }
  }

  /** For a drain: what training came to is kept. */
  async keep(): Promise<void> {
    await this.#challenger?.keep();
  }

  compareAnew(): void {
    this.#challenger?.compareAnew();
  }

  /** It takes the serving model's place, as that version. Throws where there is none. */
  win(reason: string, version: number): { readonly model: Model; readonly options: ChallengerPlan['options'] } {
    const { model, plan, figures } = this.#challenger!;
    this.#end(plan, figures, 'promoted', reason, version);
    this.#challenger = undefined;
    return { model, options: plan.options };
  }

  giveUp(state: 'dropped' | 'cancelled' | 'failed', reason: string): void {
    if (this.#challenger === undefined) return;
    const { plan, figures } = this.#challenger;
    this.#end(plan, figures, state, reason);
    this.#challenger = undefined;
  }

  /** What the comparison has come to, in words. */
  get losses(): string {
    const { judged, loss, servingLoss } = this.#challenger!.figures;
    const shown = (mean: number | null): string => (mean ?? Number.NaN).toPrecision(4);
    return `mean loss ${shown(loss)} beside ${shown(servingLoss)} of the one that served, over ${judged} examples, the latest weighing most`;
  }

  save(): Uint8Array | undefined {
    return this.#challenger?.save();
  }

  /** At most once a second, where something is new. */
  async #show(): Promise<void> {
    const challenger = this.#challenger;
    if (challenger?.began !== true) return;
    const { figures, plan } = challenger;
    const nowUs = this.#ports.clock.nowUs();
    const seen = `${plan.command} ${figures.trained} ${figures.judged}`;
    if (seen === this.#shown.what || nowUs - this.#shown.atUs < SHOW_EVERY_US) return;
    await this.#ports.store.showRetraining(this.#idOf(plan), figures);
    this.#shown = { what: seen, atUs: nowUs };
  }

  /** A challenger that cannot be trained is given up. */
  async #guard(challenger: Challenger, training: Promise<void>): Promise<void> {
    try {
      await training;
    } catch (error) {
      if (!isOfModel(error)) throw error;
      if (this.#challenger === challenger) this.giveUp('failed', error.message);
    }
  }

  #made(
    plan: ChallengerPlan,
    model: Model,
    request: ModelRequest,
    saved?: ConstructorParameters<typeof Challenger>[3],
  ): Challenger {
    const { store, loadModel, targetOf, clock } = this.#ports;
    const id = this.#idOf(plan);
    return new Challenger(
      plan,
      model,
      {
        stored: (from) => store.storedExamples(id, from),
        keep: async (trained) => {
          await store.saveTrained(id, trained);
          failPoint('sink.training-kept');
        },
        kept: async () => {
          const kept = await store.trainedState(id);
          return kept && { trained: kept.trained, model: await loadModel(request, kept.state) };
        },
        targetOf,
        pause: () => clock.sleep(0),
      },
      saved,
    );
  }

  #end(
    plan: ChallengerPlan,
    figures: RetrainingFigures | undefined,
    state: RetrainingEnd['state'],
    reason: string,
    version: number | null = null,
  ): void {
    const { command, options, patience } = plan;
    this.#ended.push({
      ...(figures ?? { trained: 0, judged: 0, loss: null, servingLoss: null }),
      command,
      model: JSON.stringify(options),
      patience,
      state,
      reason,
      version,
      endedAtUs: this.#ports.clock.nowUs(),
    });
  }

  #idOf({ command }: ChallengerPlan): RetrainingId {
    return { ...this.#id, command };
  }
}

function requestOf(definition: SinkDefinition, { options }: ChallengerPlan): ModelRequest {
  return modelRequest({ ...definition, model: options });
}

/** Throws where no example says which of the two is better. */
function checkComparable(serving: Model, { task, kind }: Model): void {
  const hint = 'A model of another task begins anew: alter_pipeline(name, model => …), then rebuild(name).';
  if (task === 'none' || task === 'anomaly')
    throw new MillraceError(
      'MODEL_INVALID',
      `a model of the kind "${kind}" learns nothing from labels, so nothing says when it is better`,
      { hint },
    );
  if (serving.task !== task)
    throw new MillraceError(
      'MODEL_INVALID',
      `it learns another task (${task}) than the model that serves (${serving.task})`,
      { hint },
    );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Options or a state that no model can be made of: of no concern to the model that serves. */
function isOfModel(error: unknown): error is MillraceError {
  return error instanceof MillraceError && ['MODEL_INVALID', 'MODEL_STATE'].includes(error.code);
}
