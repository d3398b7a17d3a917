import type { StateReader, StateWriter } from '../saved-state.ts';

/** Learns, from scores and what then was true, what a score should have been. Rising: the order of scores stays. */
export interface Calibrator {
  /** @param p the score, 0 to 1 */
  apply(p: number): number;
  /** `target` 1 or 0. */
  learn(p: number, target: number, weight: number): void;
  readonly bytes: number;
  save(writer: StateWriter): void;
  load(reader: StateReader): void;
}
