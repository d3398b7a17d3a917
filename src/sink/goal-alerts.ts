// `alert_when` as a goal, where it is one: the threshold that follows it, by what came true or by the rows alone.

import type { SinkDefinition } from '../flow/pipeline.ts';
import type { Position } from '../flow/position.ts';
import type { ItemPosition, MetricValue } from '../scores/score-store.ts';
import type { AlertJudge } from '../scores/scorer.ts';
import { alertGoalOf, isSameGoal, type AlertGoal } from './alert-goal.ts';
import { outcomeRows } from './goal-figures.ts';
import { OutcomeAlerts } from './outcome-alerts.ts';
import type { MeasuredOutcome } from './ports.ts';
import { RowAlerts, type Partition } from './row-alerts.ts';

export class GoalAlerts {
  /** Undefined: `alert_when` is a condition, or not there. */
  #goal: AlertGoal | undefined;
  /** Where the goal is precision or recall. */
  #alerts: OutcomeAlerts | undefined;
  /** Where it is alerts a day or a share of the rows. */
  #rowAlerts: RowAlerts | undefined;
  #judged = 0;
  /** Revision of the definition whose goal that is. */
  #aimed: number;

  constructor(definition: SinkDefinition, saved: Uint8Array | undefined) {
    this.#aimed = definition.revision;
    this.#aim(alertGoalOf(definition), saved);
  }

  /** Grows with what is judged by the rows alone. */
  get judged(): number {
    return this.#judged;
  }

  /** Another goal goes on from the outcomes that the former had. True where it is another, and the former outcomes are its own no more. */
  follow(definition: SinkDefinition): boolean {
    const goal = alertGoalOf(definition);
    if (definition.revision <= this.#aimed) return false;
    this.#aimed = definition.revision;
    if (isSameGoal(goal, this.#goal)) return false;
    this.#aim(goal, this.#alerts?.save());
    return true;
  }

  /** Undefined: the definition's `alert_when` is no goal. @param alerting of the partition's state */
  judge(definition: SinkDefinition, partition: Partition, alerting: Uint8Array | undefined): AlertJudge | undefined {
    if (alertGoalOf(definition) === undefined || this.#goal === undefined) return undefined;
    if (this.#alerts !== undefined) return this.#alerts.judge(partition.number);
    this.#judged += 1;
    return this.#rowAlerts?.judge(partition, alerting);
  }

  countBefore(partition: number, position: Position): void {
    this.#alerts?.countBefore(partition, position);
  }

  push(partition: number, at: ItemPosition, outcome: MeasuredOutcome): void {
    // A backfill's scores were given to today's versions of the rows: they choose nothing.
    if (!outcome.backfill) this.#alerts?.push(partition, at, outcome);
  }

  /** For `millrace.metrics`. */
  rows(): Omit<MetricValue, 'modelVersion'>[] {
    return this.#alerts ? outcomeRows(this.#alerts.figures) : (this.#rowAlerts?.rows() ?? []);
  }

  save(): Uint8Array | undefined {
    return this.#alerts?.save();
  }

  #aim(goal: AlertGoal | undefined, saved: Uint8Array | undefined): void {
    this.#goal = goal;
    this.#alerts = goal !== undefined && 'atLeast' in goal ? new OutcomeAlerts(goal, saved) : undefined;
    this.#rowAlerts = goal !== undefined && 'atMost' in goal ? new RowAlerts(goal) : undefined;
  }
}
