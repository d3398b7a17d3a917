// A sink that is killed again and again, before and after what it asks of its store, until it gets to the end.

import { expect } from 'vitest';
import { MillraceError } from '../../src/runtime/errors.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';

const MOST_KILLS = 40;
const MOST_LIVES = 100;
/** Fewer would show nothing. */
const LEAST_KILLS = 10;

export interface KilledOften {
  readonly random: () => number;
  /** Of dying at an operation of the store. */
  readonly chance: number;
  /** One life of the sink, to the end of its log unless it is aborted. */
  readonly live: (store: MemoryScoreStore, abort: AbortSignal, life: number) => Promise<unknown>;
}

/** What is stored after the life that was not killed any more. */
export async function killedOften({ random, chance, live }: KilledOften): Promise<MemoryScoreStore> {
  let kills = 0;
  let killer = new AbortController();
  const store: MemoryScoreStore = new MemoryScoreStore({
    fault: async () => {
      if (kills >= MOST_KILLS || random() > chance) return;
      kills += 1;
      killer.abort();
      store.crash();
      throw new MillraceError('WAREHOUSE_UNREACHABLE', 'killed');
    },
  });
  for (let life = 0; life < MOST_LIVES; life++) {
    killer = new AbortController();
    const before = kills;
    const failure = await live(store, killer.signal, life).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (kills > before) continue;
    if (failure !== undefined) throw failure.error;
    break;
  }
  expect(kills).toBeGreaterThan(LEAST_KILLS);
  return store;
}
