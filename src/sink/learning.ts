// A pipeline's model and metrics, and where they stand in each partition. What the fold calls a scorer; what a restart loads.

import type { ModelOptions, SinkDefinition } from '../flow/pipeline.ts';
import type { Position } from '../flow/position.ts';
import type { Model } from '../model/model.ts';
import { beyond, isAboveItem } from '../scores/item-position.ts';
import { PendingExamples } from '../scores/pending-examples.ts';
import type { Place } from '../scores/retraining.ts';
import type {
  Example,
  GenerationId,
  ItemPosition,
  LearnerCheckpoint,
  MetricValue,
  Outcome,
} from '../scores/score-store.ts';
import type { AlertJudge, FeatureRow, Scored, Scorer } from '../scores/scorer.ts';
import { joinParts } from './checkpoint-parts.ts';
import type { Verdict } from './challenger.ts';
import { asksForMore, Course, isSame } from './course.ts';
import { GoalAlerts } from './goal-alerts.ts';
import { measuredOutcome } from './measured-outcome.ts';
import type { Metrics, SinkPorts } from './ports.ts';
import { Retraining, type RetrainingPorts } from './retraining.ts';
import { versionOf, type Saved } from './model-version.ts';
import { metricsRequest, modelRequest, segmentByOf } from './model-request.ts';
import { outputsText } from './outputs-text.ts';
import { keepFormer, keepServing, refusedOf, versionGone, whyUntrained } from './refusal.ts';
import type { Partition } from './row-alerts.ts';
import { openMeasures, type SavedMeasures } from './saved-measures.ts';
import { VersionHistory } from './version-history.ts';

type LearningPorts = RetrainingPorts & Pick<SinkPorts, 'openMetrics'>;

const NOTHING = new Uint8Array(0);

/** A checkpoint replaces the one before, so it costs more than its bytes. */
const CHECKPOINT_COST = 2;

export class Learning implements Scorer {
  readonly #ports: LearningPorts;
  readonly #id: GenerationId;
  readonly #pending: PendingExamples[] = [];
  readonly #cursors: (ItemPosition | undefined)[] = [];
  readonly #metricCursors: (ItemPosition | undefined)[] = [];
  readonly #course: Course;
  /** Of the model that may take the place of this one. */
  readonly retraining: Retraining;
  #model: Model;
  #metrics: Metrics;
  readonly #alerts: GoalAlerts;
  readonly #history = new VersionHistory();
  #serial = 0;
  /** Examples and arrivals since it was opened, and those of them that the last checkpoint has. */
  #learned = 0;
  #savedLearned = 0;
  #savedOutcomes = 0;
  /** Size of the last one. */
  #checkpointBytes = 0;
  #outcomes = 0;
  #checkpoint: LearnerCheckpoint | undefined;
  #redefining: Promise<unknown> = Promise.resolve();

  private constructor(
    ports: LearningPorts,
    id: GenerationId,
    course: Course,
    model: Model,
    metrics: Metrics,
    alerts: GoalAlerts,
  ) {
    this.#ports = ports;
    this.#id = id;
    this.#course = course;
    this.retraining = new Retraining(ports, id);
    this.#alerts = alerts;
    this.#model = model;
    this.#metrics = metrics;
  }

  /**
   * Loads what was saved, then what is stored beyond it: outcomes are counted, examples wait as they did. They are not all
   * learned here, since the last commit's must wait until its remaining records are scored: see {@link resume}.
   */
  static async open(ports: LearningPorts, id: GenerationId, definition: SinkDefinition): Promise<Learning> {
    const saved = await ports.store.checkpoint(id);
    const course = new Course(definition, saved);
    const request = modelRequest(course.inForce);
    const model = await (saved === undefined ? ports.createModel(request) : ports.loadModel(request, saved.state));
    const measures = openMeasures(ports.openMetrics, course.definition, model, saved);
    const alerts = new GoalAlerts(definition, measures.alerts);
    const learning = new Learning(ports, id, course, model, measures.metrics, alerts);
    await learning.retraining.restore(course.definition, saved);
    if (saved === undefined) learning.#save('created');
    else learning.#restore(saved, measures);
    for await (const { partition, outcomes } of ports.store.outcomesAfter(id, measures.cursors))
      for (const outcome of outcomes) learning.count(partition, outcome);
    for await (const { partition, examples } of ports.store.examplesAfter(id, saved?.cursors ?? []))
      for (const example of examples) learning.pending(partition).push(example, undefined);
    return learning;
  }

  get scores(): boolean {
    return this.#model.task !== 'none';
  }

  get version(): number {
    return this.#history.version;
  }

  get examples(): number {
    return this.#model.examples;
  }

  /** Grows with all that quality and alerts are worked out from. */
  get changes(): number {
    return this.#outcomes + this.#alerts.judged;
  }

  /** @param definition in force from here on. Undefined: its `alert_when` is no goal. @param alerting of the partition's state */
  judge(definition: SinkDefinition, partition: Partition, alerting: Uint8Array | undefined): AlertJudge | undefined {
    // Outcomes before this record are the former goal's: a restart must not count them for this one.
    if (this.#alerts.follow(definition)) this.#checkpoint = this.#snapshot(this.#model.save());
    return this.#alerts.judge(definition, partition, alerting);
  }

  /** A partition's examples that wait for a later commit. */
  pending(partition: number): PendingExamples {
    return (this.#pending[partition] ??= new PendingExamples());
  }

  /** After {@link open}: learns what was learned before the last record that the partition has scored. */
  resume(partition: number, scored: Position | undefined): void {
    if (scored === undefined) return;
    this.#alerts.countBefore(partition, scored);
    this.pending(partition).takeBefore(scored, (example, features) => this.learn(partition, example, features));
  }

  get learnsLabels(): boolean {
    return this.scores && this.#model.task !== 'anomaly';
  }

  get learnsArrivals(): boolean {
    return this.#model.learnsArrivals || this.retraining.learnsArrivals;
  }

  get segmentBy(): string | undefined {
    return segmentByOf(this.#course.definition);
  }

  predict(rows: readonly FeatureRow[]): readonly Scored[] {
    return this.#model.predictMany(rows).map(({ score, prediction, outputs }) => ({
      score,
      prediction,
      outputs: outputs === undefined ? null : outputsText(this.#model.task, outputs),
    }));
  }

  get explains(): 'alerts' | 'all' | 'none' {
    return this.scores ? this.#model.settings.explain : 'none';
  }

  explain(row: FeatureRow): string {
    return JSON.stringify(this.#model.explain(row, this.#model.settings.explainTop).contributions);
  }

  accepts(label: string): boolean {
    return Number.isFinite(this.#ports.targetOf(this.#model.task, label));
  }

  learn(partition: number, example: Example, features: FeatureRow | undefined): void {
    if (!isAboveItem(example.at, this.#cursors[partition])) return this.#offer(partition, [example]);
    const row = features ?? (JSON.parse(example.features) as FeatureRow);
    const { examples } = this.#model;
    // It is about to be learned: until then both models say what they would have said of it.
    const verdict = this.retraining.take(partition, example, row, this.#model);
    if (example.label === null) this.#model.observe(row);
    else
      this.#model.learn({
        features: row,
        target: this.#ports.targetOf(this.#model.task, example.label),
        label: example.label,
        weight: example.weight,
        score: example.score,
        prediction: example.prediction,
      });
    this.#cursors[partition] = example.at;
    this.#learned += 1;
    const alarms = this.#model.takeAlarms?.();
    const noticed =
      alarms === undefined || alarms.length === 0
        ? undefined
        : this.#history.noticed(alarms, { partition, at: example.at, noticedAtUs: this.#ports.clock.nowUs() });
    if (this.#model.examples !== examples && this.#model.examples % this.#model.settings.saveEvery === 0) {
      this.#history.counted();
      this.#save(noticed ?? `${this.#model.examples} examples`);
    } else if (noticed !== undefined) this.#save(noticed);
    if (verdict !== undefined) this.#decide(verdict);
  }

  /** Learned examples that the challenger has not had: a checkpoint is to say that now it has. */
  #offer(partition: number, examples: readonly Example[]): void {
    if (this.retraining.missed(partition, examples, this.#cursors[partition]))
      this.#checkpoint = this.#snapshot(this.#model.save());
  }

  /** The model that was retrained takes this one's place, or is given up. */
  #decide(verdict: Verdict | 'failed'): void {
    if (verdict !== 'better') {
      if (verdict === 'no better')
        this.retraining.giveUp('dropped', `not better beyond chance: ${this.retraining.losses}`);
      this.#checkpoint = this.#snapshot(this.#model.save());
      return;
    }
    const { losses } = this.retraining;
    // To go back to: what served, with all that it had learned.
    this.#save(`${this.#model.examples} examples, then retrained`);
    const { model, options } = this.retraining.win(losses, this.#history.version + 1);
    this.#model = model;
    this.#course.putInPlace(options);
    this.#save(`retrained: ${losses}`);
  }

  count(partition: number, outcome: Outcome): void {
    if (!isAboveItem(outcome.at, this.#metricCursors[partition])) return;
    const measured = measuredOutcome(outcome, (label) => this.#ports.targetOf(this.#model.task, label));
    this.#metrics.fold(measured);
    this.#alerts.push(partition, outcome.at, measured);
    this.#metricCursors[partition] = outcome.at;
    this.#outcomes += 1;
  }

  metrics(): MetricValue[] {
    const modelVersion = this.#history.version;
    return [...this.#metrics.values(), ...this.#alerts.rows()].map((value) => ({ ...value, modelVersion }));
  }

  /**
   * The definition changed: options that the model can go on with take effect here, at this record. Gives what is in force:
   * with the former options where it cannot. Partitions that come to the record later get the same.
   * @param place where the partition stands that brings it
   */
  redefine(asked: SinkDefinition, place: Place): Promise<SinkDefinition> {
    const done = this.#redefining.then(() => this.#redefine(asked, place));
    this.#redefining = done.catch(() => {});
    return done;
  }

  async #redefine(asked: SinkDefinition, place: Place): Promise<SinkDefinition> {
    const course = this.#course;
    const former = course.definition;
    if (asked.revision < former.revision) return asked;
    if (asked.revision === former.revision) return { ...asked, model: former.model, ...refusedOf(former) };
    if (asked.promote !== undefined && !isSame(asked.promote, former.promote))
      await this.#promote(asked, former, asked.promote.version);
    else if (isSame(asked.model, course.options)) this.#adopt(asked, former);
    else if (!isSame(asked.model, former.model)) await this.#change(asked, former);
    else course.follow(asked);
    if (asksForMore(asked, former)) await this.#retrain(asked, place);
    return course.definition;
  }

  // Until a change is made, what others save is of the former definition: so it takes effect after every wait.
  async #change(asked: SinkDefinition, former: SinkDefinition): Promise<void> {
    try {
      await this.#reload(asked);
      this.#adopt(asked, former);
      this.#save('options changed');
    } catch (error) {
      this.#course.follow(keepFormer(asked, { model: former.model }, error));
    }
  }

  /**
   * A saved version takes the model's place and goes on from the present positions: what was learned since that version is not
   * learned again. Where it cannot be read, the model stays.
   */
  async #promote(asked: SinkDefinition, former: SinkDefinition, version: number): Promise<void> {
    try {
      const stored = await this.#ports.store.version(this.#id, version);
      if (stored === undefined) throw versionGone(version);
      const options = Course.optionsOf(stored, asked);
      this.#model = await this.#ports.loadModel(modelRequest({ ...asked, model: options }), stored.state);
      this.#adopt(asked, former, options);
      this.retraining.compareAnew();
      this.#learned += 1;
      this.#save(`version ${version} promoted`, version);
    } catch (error) {
      this.#course.follow(keepServing(asked, former.model, version, error));
    }
  }

  /** A challenger is begun beside the model, or the one that there is given up. */
  async #retrain(asked: SinkDefinition, place: Place): Promise<void> {
    const done = (refused?: SinkDefinition['refused']): void => {
      this.#course.begun(asked, refused);
      // Its examples are those before this record: a restart must not begin it at another one.
      this.#checkpoint = this.#snapshot(this.#model.save());
    };
    try {
      await this.retraining.command(asked, asked.retrain!, this.#model, place, done);
    } catch (error) {
      done(whyUntrained(asked, error));
    }
  }

  /** The model has these options now; quality may be shown by another feature. */
  #adopt(asked: SinkDefinition, former: SinkDefinition, options: ModelOptions = asked.model): void {
    this.#course.follow(asked);
    this.#course.putInPlace(options);
    if (segmentByOf(asked) === segmentByOf(former)) return;
    this.#metrics = this.#ports.openMetrics(metricsRequest(asked, this.#model), this.#metrics.save());
  }

  /** The model with other options. Another partition may learn meanwhile: then from there again. */
  async #reload(asked: SinkDefinition): Promise<void> {
    const request = modelRequest(asked);
    for (;;) {
      const learned = this.#learned;
      const model = await this.#ports.loadModel(request, this.#model.save());
      if (this.#learned !== learned) continue;
      this.#model = model;
      return;
    }
  }

  /**
   * What the batch in hand must write: versions that were reached in it, a checkpoint, and those of its examples that this has
   * not. The last version is a checkpoint; where the examples learned since weigh more than another one, it is made instead:
   * they would be written only to be deleted with the next.
   */
  takeSaved(partition: number, examples: readonly Example[]): Saved {
    this.#offer(partition, examples);
    let checkpoint = this.#checkpoint;
    let left = beyond(checkpoint?.cursors[partition], examples);
    let learnedBytes = 0;
    for (const example of left)
      if (!isAboveItem(example.at, this.#cursors[partition])) learnedBytes += example.features.length;
    if (learnedBytes > CHECKPOINT_COST * this.#checkpointBytes) {
      checkpoint = this.#snapshot(this.#model.save());
      left = beyond(checkpoint.cursors[partition], left);
    }
    const retrainings = this.retraining.takeEnded();
    const saved = { ...this.#history.take(), retrainings, checkpoint, examples: left };
    this.#checkpoint = undefined;
    if (checkpoint !== undefined) this.#serial = checkpoint.serial;
    return saved;
  }

  /** For a drain: where learning stands now, unless a checkpoint has it. */
  checkpointNow(): LearnerCheckpoint | undefined {
    if (this.#learned === this.#savedLearned && this.#outcomes === this.#savedOutcomes) return undefined;
    // Versions and drift are written with a batch only: without one they come about again at the next start.
    if (this.#history.waits || this.retraining.hasEnded) return undefined;
    const checkpoint = this.#snapshot(this.#model.save());
    this.#serial = checkpoint.serial;
    return checkpoint;
  }

  #save(reason: string, promoted: number | null = null): void {
    this.#history.add((version) => {
      const state = this.#model.save();
      this.#checkpoint = this.#snapshot(state);
      const options = this.#course.versionOptions;
      const given = { version, state, cursors: [...this.#cursors], reason, promoted, options };
      return versionOf(this.#model, this.#metrics, { ...given, savedAtUs: this.#ports.clock.nowUs() });
    });
  }

  #snapshot(state: Uint8Array): LearnerCheckpoint {
    this.#savedLearned = this.#learned;
    this.#savedOutcomes = this.#outcomes;
    const metrics = joinParts({
      metrics: this.#metrics.save(),
      alerts: this.#alerts.save(),
      alarmed: this.#history.alarmed ? NOTHING : undefined,
      course: this.#course.save(),
      challenger: this.retraining.save(),
    });
    this.#checkpointBytes = state.length + metrics.length;
    return {
      serial: this.#serial + 1,
      version: this.#history.version,
      kind: this.#model.kind,
      examples: this.#model.examples,
      state,
      cursors: [...this.#cursors],
      metrics,
      metricCursors: [...this.#metricCursors],
    };
  }

  #restore(saved: LearnerCheckpoint, { cursors, alarmed }: SavedMeasures): void {
    this.#history.restore(saved.version, alarmed);
    this.#serial = saved.serial;
    this.#checkpointBytes = saved.state.length + saved.metrics.length;
    for (const [partition, at] of saved.cursors.entries()) this.#cursors[partition] = at;
    for (const [partition, at] of cursors.entries()) this.#metricCursors[partition] = at;
  }
}
