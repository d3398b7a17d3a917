// A pipeline's model and metrics, and where they stand in each partition. What the fold calls a scorer; what a restart loads.

import type { SinkDefinition } from '../flow/pipeline.ts';
import type { Position } from '../flow/position.ts';
import type { Model, ModelRequest } from '../model/model.ts';
import { MillraceError } from '../runtime/errors.ts';
import { beyond, isAboveItem } from '../scores/item-position.ts';
import { PendingExamples } from '../scores/pending-examples.ts';
import type {
  Drift,
  Example,
  GenerationId,
  ItemPosition,
  LearnerCheckpoint,
  MetricValue,
  ModelVersion,
  Outcome,
} from '../scores/score-store.ts';
import type { AlertJudge, FeatureRow, Scored, Scorer } from '../scores/scorer.ts';
import { alertGoalOf, isSameGoal, type AlertGoal } from './alert-goal.ts';
import { joinParts } from './checkpoint-parts.ts';
import { outcomeRows } from './goal-figures.ts';
import { measuredOutcome } from './measured-outcome.ts';
import { OutcomeAlerts } from './outcome-alerts.ts';
import type { Metrics, SinkPorts } from './ports.ts';
import { metricsRequest, modelRequest, segmentByOf } from './model-request.ts';
import { outputsText } from './outputs-text.ts';
import { keepFormer, keepServing, refusedOf } from './refusal.ts';
import { RowAlerts, type Partition } from './row-alerts.ts';
import { openMeasures, type SavedMeasures } from './saved-measures.ts';
import { VersionHistory } from './version-history.ts';

type LearningPorts = Pick<SinkPorts, 'store' | 'createModel' | 'loadModel' | 'openMetrics' | 'targetOf' | 'clock'>;

export interface Saved {
  readonly versions: readonly ModelVersion[];
  readonly drift: readonly Drift[];
  readonly checkpoint: LearnerCheckpoint | undefined;
  readonly examples: readonly Example[];
}

const NOTHING = new Uint8Array(0);

/** A checkpoint replaces the one before, so it costs more than its bytes. */
const CHECKPOINT_COST = 2;

export class Learning implements Scorer {
  readonly #ports: LearningPorts;
  readonly #id: GenerationId;
  readonly #pending: PendingExamples[] = [];
  readonly #cursors: (ItemPosition | undefined)[] = [];
  readonly #metricCursors: (ItemPosition | undefined)[] = [];
  #definition: SinkDefinition;
  #model: Model;
  #metrics: Metrics;
  /** Of `alert_when` as a goal; undefined: it is a condition, or not there. */
  #goal: AlertGoal | undefined;
  /** Where the goal is precision or recall. */
  #alerts: OutcomeAlerts | undefined;
  /** Where it is alerts a day or a share of the rows. */
  #rowAlerts: RowAlerts | undefined;
  #judged = 0;
  /** Revision of the definition whose goal that is. */
  #aimed: number;
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
    definition: SinkDefinition,
    model: Model,
    metrics: Metrics,
  ) {
    this.#ports = ports;
    this.#id = id;
    this.#definition = definition;
    this.#aimed = definition.revision;
    this.#model = model;
    this.#metrics = metrics;
  }

  /**
   * Loads what was saved, then what is stored beyond it: outcomes are counted, examples wait as they did. They are not all
   * learned here, since the last commit's must wait until its remaining records are scored: see {@link resume}.
   */
  static async open(ports: LearningPorts, id: GenerationId, definition: SinkDefinition): Promise<Learning> {
    const saved = await ports.store.checkpoint(id);
    const request = modelRequest(definition);
    const model = await (saved === undefined ? ports.createModel(request) : ports.loadModel(request, saved.state));
    const measures = openMeasures(ports.openMetrics, definition, model, saved);
    const learning = new Learning(ports, id, definition, model, measures.metrics);
    learning.#aim(alertGoalOf(definition), measures.alerts);
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
    return this.#outcomes + this.#judged;
  }

  /** @param definition in force from here on. Undefined: its `alert_when` is no goal. @param alerting of the partition's state */
  judge(definition: SinkDefinition, partition: Partition, alerting: Uint8Array | undefined): AlertJudge | undefined {
    const goal = alertGoalOf(definition);
    this.#follow(definition, goal);
    if (goal === undefined || this.#goal === undefined) return undefined;
    if (this.#alerts !== undefined) return this.#alerts.judge(partition.number);
    this.#judged += 1;
    return this.#rowAlerts?.judge(partition, alerting);
  }

  /** A partition's examples that wait for a later commit. */
  pending(partition: number): PendingExamples {
    return (this.#pending[partition] ??= new PendingExamples());
  }

  /** After {@link open}: learns what was learned before the last record that the partition has scored. */
  resume(partition: number, scored: Position | undefined): void {
    if (scored === undefined) return;
    this.#alerts?.countBefore(partition, scored);
    this.pending(partition).takeBefore(scored, (example, features) => this.learn(partition, example, features));
  }

  get learnsLabels(): boolean {
    return this.scores && this.#model.task !== 'anomaly';
  }

  get learnsArrivals(): boolean {
    return this.#model.learnsArrivals;
  }

  get segmentBy(): string | undefined {
    return segmentByOf(this.#definition);
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
    if (!isAboveItem(example.at, this.#cursors[partition])) return;
    const row = features ?? (JSON.parse(example.features) as FeatureRow);
    const { examples } = this.#model;
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
  }

  count(partition: number, outcome: Outcome): void {
    if (!isAboveItem(outcome.at, this.#metricCursors[partition])) return;
    const measured = measuredOutcome(outcome, (label) => this.#ports.targetOf(this.#model.task, label));
    this.#metrics.fold(measured);
    // A backfill's scores were given to today's versions of the rows: they choose nothing.
    if (!outcome.backfill) this.#alerts?.push(partition, outcome.at, measured);
    this.#metricCursors[partition] = outcome.at;
    this.#outcomes += 1;
  }

  metrics(): MetricValue[] {
    const goal = this.#alerts ? outcomeRows(this.#alerts.figures) : (this.#rowAlerts?.rows() ?? []);
    return [...this.#metrics.values(), ...goal].map((value) => ({ ...value, modelVersion: this.#history.version }));
  }

  /**
   * The definition changed: options that the model can go on with take effect here, at this record. Gives what is in force:
   * with the former options where it cannot. Partitions that come to the record later get the same.
   */
  redefine(asked: SinkDefinition): Promise<SinkDefinition> {
    const done = this.#redefining.then(() => this.#redefine(asked));
    this.#redefining = done.catch(() => {});
    return done;
  }

  async #redefine(asked: SinkDefinition): Promise<SinkDefinition> {
    const former = this.#definition;
    if (asked.revision < former.revision) return asked;
    if (asked.revision === former.revision) return { ...asked, model: former.model, ...refusedOf(former) };
    this.#definition = asked;
    const promote = isSame(asked.promote, former.promote) ? undefined : asked.promote;
    if (promote !== undefined) return await this.#promote(asked, former, promote.version);
    if (isSame(asked.model, former.model)) return asked;
    try {
      await this.#reload(modelRequest(asked));
      if (segmentByOf(asked) !== segmentByOf(former))
        this.#metrics = this.#ports.openMetrics(metricsRequest(asked, this.#model), this.#metrics.save());
      this.#save('options changed');
    } catch (error) {
      this.#definition = former;
      this.#definition = keepFormer(asked, { model: former.model }, error);
    }
    return this.#definition;
  }

  /**
   * A saved version takes the model's place and goes on from the present positions: what was learned since that version is not
   * learned again. Where it cannot be read, the model stays.
   */
  async #promote(asked: SinkDefinition, former: SinkDefinition, version: number): Promise<SinkDefinition> {
    try {
      const state = await this.#ports.store.versionState(this.#id, version);
      if (state === undefined)
        throw new MillraceError('MODEL_STATE', `version ${version} is not stored any more`, {
          hint: 'The model option "keep_versions" says how many are.',
        });
      this.#model = await this.#ports.loadModel(modelRequest(asked), state);
      this.#learned += 1;
      if (segmentByOf(asked) !== segmentByOf(former))
        this.#metrics = this.#ports.openMetrics(metricsRequest(asked, this.#model), this.#metrics.save());
      this.#save(`version ${version} promoted`, version);
    } catch (error) {
      this.#definition = keepServing(asked, former.model, version, error);
    }
    return this.#definition;
  }

  /** Another goal goes on from the outcomes that the former had. */
  #follow({ revision }: SinkDefinition, goal: AlertGoal | undefined): void {
    if (revision <= this.#aimed) return;
    this.#aimed = revision;
    if (isSameGoal(goal, this.#goal)) return;
    this.#aim(goal, this.#alerts?.save());
    // Outcomes before this record are the former goal's: a restart must not count them for this one.
    this.#checkpoint = this.#snapshot(this.#model.save());
  }

  #aim(goal: AlertGoal | undefined, saved: Uint8Array | undefined): void {
    this.#goal = goal;
    this.#alerts = goal !== undefined && 'atLeast' in goal ? new OutcomeAlerts(goal, saved) : undefined;
    this.#rowAlerts = goal !== undefined && 'atMost' in goal ? new RowAlerts(goal) : undefined;
  }

  /** The model with other options. Another partition may learn meanwhile: then from there again. */
  async #reload(request: ModelRequest): Promise<void> {
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
    let checkpoint = this.#checkpoint;
    let left = beyond(checkpoint?.cursors[partition], examples);
    let learnedBytes = 0;
    for (const example of left)
      if (!isAboveItem(example.at, this.#cursors[partition])) learnedBytes += example.features.length;
    if (learnedBytes > CHECKPOINT_COST * this.#checkpointBytes) {
      checkpoint = this.#snapshot(this.#model.save());
      left = beyond(checkpoint.cursors[partition], left);
    }
    const saved = { ...this.#history.take(), checkpoint, examples: left };
    this.#checkpoint = undefined;
    if (checkpoint !== undefined) this.#serial = checkpoint.serial;
    return saved;
  }

  /** For a drain: where learning stands now, unless a checkpoint has it. */
  checkpointNow(): LearnerCheckpoint | undefined {
    if (this.#learned === this.#savedLearned && this.#outcomes === this.#savedOutcomes) return undefined;
    if (this.#history.waits) return undefined;
    const checkpoint = this.#snapshot(this.#model.save());
    this.#serial = checkpoint.serial;
    return checkpoint;
  }

  #save(reason: string, promoted: number | null = null): void {
    this.#history.add((version) => {
      const state = this.#model.save();
      this.#checkpoint = this.#snapshot(state);
      return {
        version,
        kind: this.#model.kind,
        examples: this.#model.examples,
        state,
        cursors: [...this.#cursors],
        metrics: JSON.stringify(this.#metrics.summary()),
        reason,
        race: this.#model.race === undefined ? null : JSON.stringify(this.#model.race),
        keep: this.#model.settings.keepVersions,
        promoted,
        savedAtUs: this.#ports.clock.nowUs(),
      };
    });
  }

  #snapshot(state: Uint8Array): LearnerCheckpoint {
    this.#savedLearned = this.#learned;
    this.#savedOutcomes = this.#outcomes;
    const metrics = joinParts({
      metrics: this.#metrics.save(),
      alerts: this.#alerts?.save(),
      alarmed: this.#history.alarmed ? NOTHING : undefined,
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

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
