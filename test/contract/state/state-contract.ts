// What every state store must do.

import { expect, test } from 'vitest';
import type { PipelineCheckpoint, StateBatch, StateEntry, StateStore } from '../../../src/state/state-store.ts';

export interface StateWorld {
  open(): Promise<StateStore>;
  /** Ends the process that has it open, as a power cut would. */
  crash(store: StateStore): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const checkpoint = (change: Partial<PipelineCheckpoint> = {}): PipelineCheckpoint => ({
  pipelineId: 1,
  generation: 1,
  phase: 'live',
  snapshotLsn: 5n,
  commitLsn: 0x7fff_ffff_ffff_ffffn,
  endLsn: 12n,
  clockUs: 1_700_000_000_000_000,
  progressStep: Number.MIN_SAFE_INTEGER,
  tails: [{ lsn: 9n, n: 3 }, undefined],
  definition: { id: 1, name: 'fraud', key: ['id'] } as unknown as PipelineCheckpoint['definition'],
  viewFacts: '{}',
  planHash: 'h',
  reason: undefined,
  ...change,
});
const entry = (key: string, value: string | undefined, space = 'rows/0'): StateEntry => ({ space, key, value });
const batch = (entries: StateEntry[], change: Partial<PipelineCheckpoint> = {}): StateBatch => ({
  pipelines: [{ checkpoint: checkpoint(change), entries }],
});
const all = (store: StateStore, space = 'rows/0'): Record<string, string> =>
  Object.fromEntries(store.entries(1, 1, space));

export function stateContract(name: string, makeWorld: () => Promise<StateWorld>): void {
  test(`${name}: an empty folder has nothing`, async () => {
    await using world = await makeWorld();
    await using store = await world.open();
    expect([store.identity, store.group, store.checkpoints(), all(store)]).toEqual([undefined, undefined, [], {}]);
  });

  test(`${name}: what was committed is there after a crash, checkpoints to the last bit`, async () => {
    await using world = await makeWorld();
    const store = await world.open();
    await store.setIdentity({ folderId: 'f', systemIdentifier: '7', timeline: 1, slot: 's', group: 'g' });
    await store.commit({
      ...batch([entry('["1"]', 'one'), entry('["2"]', 'two'), entry('a', 'label', 'labels')]),
      group: { snapshotLsn: 1n, commitLsn: 2n, endLsn: 3n },
    });
    await store.commit(batch([entry('["2"]', undefined), entry('["3"]', '')], { endLsn: 13n }));
    await world.crash(store);
    await using again = await world.open();
    expect(again.identity).toEqual({ folderId: 'f', systemIdentifier: '7', timeline: 1, slot: 's', group: 'g' });
    expect(again.group).toEqual({ snapshotLsn: 1n, commitLsn: 2n, endLsn: 3n });
    expect(again.checkpoints()).toEqual([checkpoint({ endLsn: 13n })]);
    expect(all(again)).toEqual({ '["1"]': 'one', '["3"]': '' });
    expect(all(again, 'labels')).toEqual({ a: 'label' });
    expect(all(again, 'rows/1')).toEqual({});
  });

  test(`${name}: keys of any length and text are told apart`, async () => {
    await using world = await makeWorld();
    await using store = await world.open();
    const long = 'x'.repeat(5000);
    const keys = [long, `${long}y`, 'é'.repeat(900), '𝄞"\\', ' ', '\u0001', 'a', 'A'];
    await store.commit(batch(keys.map((key, index) => entry(key, String(index)))));
    expect(all(store)).toEqual(Object.fromEntries(keys.map((key, index) => [key, String(index)])));
    await store.commit(batch([entry(long, undefined)]));
    expect(Object.keys(all(store)).length).toBe(keys.length - 1);
  });

  test(`${name}: a removed generation leaves nothing, and the others everything`, async () => {
    await using world = await makeWorld();
    const store = await world.open();
    await store.commit(batch([entry('k', 'first')]));
    await store.commit(batch([entry('k', 'second')], { generation: 2 }));
    await store.commit({ pipelines: [], remove: [{ pipelineId: 1, generation: 1 }] });
    expect(all(store)).toEqual({});
    await world.crash(store);
    await using again = await world.open();
    expect(again.checkpoints().map((one) => one.generation)).toEqual([2]);
    expect([...again.entries(1, 2, 'rows/0')]).toEqual([['k', 'second']]);
    expect(all(again)).toEqual({});
  });
}
