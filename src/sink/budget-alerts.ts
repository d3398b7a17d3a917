// A partition's alerts by their number a day. What they stand on is stored with each batch, so that no row counts twice.

import { DailyBudget } from '../model/alerts/daily-budget.ts';
import type { AlertJudge } from '../scores/scorer.ts';

export interface BudgetAlerts extends AlertJudge {
  readonly figures: DailyBudget['figures'];
}

/**
 * @param atMost of the pipeline: the first partitions have one more where it cannot be divided
 * @param saved of this partition, of this goal or another; undefined: none yet
 */
export function budgetAlerts(
  atMost: number,
  partition: number,
  partitions: number,
  saved: Uint8Array | undefined,
): BudgetAlerts {
  const share = Math.floor(atMost / partitions) + (partition < atMost % partitions ? 1 : 0);
  const budget =
    saved === undefined || !DailyBudget.isState(saved) ? new DailyBudget(share) : DailyBudget.load(share, saved);
  return {
    waits: () => false,
    countBefore: () => {},
    meets: ({ score, eventTimeUs, commitTimeUs, open, live }) => {
      const timeUs = eventTimeUs !== null && Number.isFinite(eventTimeUs) ? eventTimeUs : commitTimeUs;
      return budget.meets({ score, timeUs: Math.min(timeUs, commitTimeUs), open, live });
    },
    save: () => budget.save(),
    get figures() {
      return budget.figures;
    },
  };
}
