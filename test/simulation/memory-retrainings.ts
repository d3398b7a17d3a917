// Retrainings in memory, as the store over Postgres keeps them.

import type {
  RetrainingEnd,
  RetrainingFigures,
  RetrainingRequest,
  StoredExample,
  TrainedState,
} from '../../src/scores/retraining.ts';
import type { LabelEntry, ScoreRow } from '../../src/scores/score-store.ts';

/** Read at once. */
const BLOCK = 50;

export interface MemoryRetraining extends RetrainingFigures {
  readonly request: Pick<RetrainingRequest, 'model' | 'patience'>;
  readonly examples: readonly StoredExample[];
  readonly kept: TrainedState | undefined;
  readonly end: RetrainingEnd | undefined;
}

const NOTHING: RetrainingFigures = { trained: 0, judged: 0, loss: null, servingLoss: null };

/** Of a generation, by command. */
export class MemoryRetrainings {
  readonly all = new Map<number, MemoryRetraining>();

  /** @param rows labelled and not expired */
  begin(
    command: number,
    request: RetrainingRequest,
    rows: readonly ScoreRow[],
    labels: ReadonlyMap<string, LabelEntry>,
  ): number {
    const examples = [...rows]
      .sort(byTime)
      .slice(-request.examples)
      .map((row) => ({
        features: row.measuredFeatures ?? row.features,
        label: row.label!,
        weight: labels.get(row.key)?.weight ?? 1,
      }));
    this.all.set(command, { ...NOTHING, request, examples, kept: undefined, end: undefined });
    return examples.length;
  }

  /** What the saved state has is gone. */
  examples(command: number, from: number): readonly StoredExample[] {
    const found = this.all.get(command);
    if (found === undefined || found.end !== undefined || from < (found.kept?.trained ?? 0)) return [];
    return found.examples.slice(from, from + BLOCK);
  }

  save(command: number, trained: TrainedState): void {
    const found = this.all.get(command);
    if (found === undefined || found.end !== undefined || trained.trained <= (found.kept?.trained ?? 0)) return;
    this.all.set(command, { ...found, kept: trained });
  }

  show(command: number, figures: RetrainingFigures): void {
    const found = this.all.get(command);
    if (found !== undefined && found.end === undefined) this.all.set(command, { ...found, ...figures });
  }

  end(end: RetrainingEnd): void {
    const { command, model, patience } = end;
    const before = this.all.get(command) ?? { request: { model, patience }, examples: [] };
    this.all.set(command, { ...before, ...NOTHING, kept: undefined, end });
  }
}

/** Time, none first; then commit. */
function byTime(a: ScoreRow, b: ScoreRow): number {
  const timeOf = (row: ScoreRow): number => row.eventTimeUs ?? -Infinity;
  if (timeOf(a) !== timeOf(b)) return timeOf(a) - timeOf(b);
  if (a.measuredLsn !== b.measuredLsn) return Number(a.measuredLsn! - b.measuredLsn!);
  return Number(a.position.lsn - b.position.lsn) || a.position.n - b.position.n;
}
