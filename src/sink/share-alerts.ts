// A partition's alerts by their share of the rows. What they stand on is stored with each batch, so that no row counts twice.

import { ShareThreshold, type ShareFigures } from '../model/alerts/share-threshold.ts';
import type { AlertJudge } from '../scores/scorer.ts';

export interface ShareAlerts extends AlertJudge {
  readonly figures: ShareFigures;
}

/** @param saved of this partition, of this goal or another; undefined: none yet */
export function shareAlerts(atMost: number, partition: number, saved: Uint8Array | undefined): ShareAlerts {
  const own = saved !== undefined && ShareThreshold.isState(saved) ? saved : undefined;
  const threshold = new ShareThreshold(atMost, partition, own);
  return {
    waits: () => false,
    countBefore: () => {},
    meets: (row) => threshold.meets(row),
    save: () => threshold.save(),
    get figures() {
      return threshold.figures;
    },
  };
}
