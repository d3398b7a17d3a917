// A pipeline's alerts by precision or recall: outcomes wait for a later commit to be scored, as examples do, then they move the
// threshold. Saved with the learner's checkpoint; what is stored beyond it is counted again at a restart.

import type { Position } from '../flow/position.ts';
import { OutcomeThreshold, type GoalOutcome, type OutcomeGoal } from '../model/alerts/outcome-threshold.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { AlertJudge } from '../scores/scorer.ts';
import type { ItemPosition } from '../scores/score-store.ts';

interface Waiting extends GoalOutcome {
  readonly lsn: bigint;
}

interface SavedAlerts {
  /** Base64. */
  readonly threshold: string;
  /** By partition: commit, score, target and prior of what waits; null: none. */
  readonly waiting: readonly (readonly [lsn: string, score: number, target: number | null, prior: number | null][])[];
}

export class OutcomeAlerts {
  readonly goal: OutcomeGoal;
  readonly #threshold: OutcomeThreshold;
  readonly #waiting: Waiting[][] = [];

  /** @param saved of the same goal or another */
  constructor(goal: OutcomeGoal, saved: Uint8Array | undefined) {
    this.goal = goal;
    const state = saved && unpack(saved);
    this.#threshold = state
      ? OutcomeThreshold.load(goal, Buffer.from(state.threshold, 'base64'))
      : new OutcomeThreshold(goal);
    for (const [partition, waiting] of state?.waiting.entries() ?? [])
      this.#waiting[partition] = waiting.map(([lsn, score, target, prior]) => ({
        lsn: BigInt(lsn),
        score,
        target: target ?? undefined,
        prior: prior ?? undefined,
      }));
    this.#threshold.choose();
  }

  /** @param at of the outcome */
  push(partition: number, at: ItemPosition, { score, target, prior }: GoalOutcome): void {
    this.#of(partition).push({ lsn: at.lsn, score, target, prior });
  }

  waits(partition: number, position: Position): boolean {
    const first = this.#of(partition)[0];
    return first !== undefined && first.lsn < position.lsn;
  }

  /** Outcomes of earlier commits count from here; each is judged by the threshold that stood before its commit. */
  countBefore(partition: number, position: Position): void {
    const waiting = this.#of(partition);
    let count = 0;
    while (count < waiting.length && waiting[count]!.lsn < position.lsn) {
      if (count > 0 && waiting[count]!.lsn !== waiting[count - 1]!.lsn) this.#threshold.choose();
      this.#threshold.fold(waiting[count]!);
      count += 1;
    }
    if (count === 0) return;
    this.#waiting[partition] = waiting.slice(count);
    this.#threshold.choose();
  }

  judge(partition: number): AlertJudge {
    return {
      waits: (position) => this.waits(partition, position),
      countBefore: (position) => this.countBefore(partition, position),
      meets: ({ score }) => score !== null && this.#threshold.meets(score),
      save: () => undefined,
    };
  }

  get figures(): OutcomeThreshold['figures'] {
    return this.#threshold.figures;
  }

  save(): Uint8Array {
    const saved: SavedAlerts = {
      threshold: Buffer.from(this.#threshold.save()).toString('base64'),
      waiting: Array.from(this.#waiting, (waiting) =>
        (waiting ?? []).map(({ lsn, score, target, prior }) => [String(lsn), score, target ?? null, prior ?? null]),
      ),
    };
    return Buffer.from(JSON.stringify(saved));
  }

  #of(partition: number): Waiting[] {
    return (this.#waiting[partition] ??= []);
  }
}

function unpack(saved: Uint8Array): SavedAlerts {
  try {
    return JSON.parse(Buffer.from(saved).toString('utf8')) as SavedAlerts;
  } catch (cause) {
    throw new MillraceError('MODEL_STATE', 'the saved alert threshold cannot be read', {
      hint: 'Rebuild the pipeline: select millrace.rebuild(name).',
      cause,
    });
  }
}
