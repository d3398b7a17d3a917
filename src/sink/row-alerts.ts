// A pipeline's alerts where the rows alone decide, not their labels: by their number a day, or by their share of the rows. Each
// partition has its own, stored with its batches.

import type { MetricValue } from '../scores/score-store.ts';
import type { AlertJudge } from '../scores/scorer.ts';
import type { RowGoal } from './alert-goal.ts';
import { budgetAlerts, type BudgetAlerts } from './budget-alerts.ts';
import { budgetRows, shareRows } from './goal-figures.ts';
import { shareAlerts, type ShareAlerts } from './share-alerts.ts';

/** A partition's number, and how many there are. */
export interface Partition {
  readonly number: number;
  readonly of: number;
}

export class RowAlerts {
  readonly #goal: RowGoal;
  /** By partition: as the last batch left them. */
  readonly #budgets: BudgetAlerts[] = [];
  readonly #shares: ShareAlerts[] = [];

  constructor(goal: RowGoal) {
    this.#goal = goal;
  }

  /** @param saved by the partition's last batch, of this goal or another; undefined: nothing */
  judge({ number, of }: Partition, saved: Uint8Array | undefined): AlertJudge {
    const { kind, atMost } = this.#goal;
    return kind === 'alerts_per_day'
      ? (this.#budgets[number] = budgetAlerts(atMost, number, of, saved))
      : (this.#shares[number] = shareAlerts(atMost, number, saved));
  }

  /** For `millrace.metrics`. */
  rows(): Omit<MetricValue, 'modelVersion'>[] {
    const { kind, atMost } = this.#goal;
    return kind === 'alerts_per_day'
      ? budgetRows(this.#budgets.flatMap(({ figures }) => [figures]))
      : shareRows(
          atMost,
          this.#shares.flatMap(({ figures }) => [figures]),
        );
  }
}
