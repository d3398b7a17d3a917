// From an outcome as it is stored to one as metrics count it.

import type { Answer, Outcome } from '../scores/score-store.ts';
import type { MeasuredOutcome } from './ports.ts';

/** Outputs come in the order of their names: sums over them must not depend on who wrote them down. */
export function measuredOutcome(outcome: Outcome, targetOf: (label: string) => number): MeasuredOutcome {
  const { score, label, prior, backfill, eventTimeUs, answer } = outcome;
  const { prediction, outputs, segment } = answer === null ? PLAIN : (JSON.parse(answer) as Answer);
  return {
    score,
    target: label === null ? undefined : targetOf(label),
    label,
    prior: prior === null ? undefined : targetOf(prior),
    priorLabel: prior,
    backfill,
    eventTimeUs,
    prediction,
    outputs: outputs === null ? undefined : new Map(Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1))),
    segment,
  };
}

const PLAIN: Answer = { prediction: null, outputs: null, segment: null };
