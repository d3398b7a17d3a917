import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openLmdbStore } from '../../../src/state/lmdb-store.ts';
import { MemoryFolder } from '../../simulation/memory-state.ts';
import { stateContract, type StateWorld } from './state-contract.ts';

async function lmdbWorld(): Promise<StateWorld & { readonly folder: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-state-'));
  return {
    folder,
    open: () => openLmdbStore(folder),
    // LMDB writes whole transactions: closing it adds nothing to what a committed one left on the disk.
    crash: (store) => Promise.resolve(store[Symbol.asyncDispose]()),
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

stateContract('LMDB', lmdbWorld);
stateContract('in memory', async () => {
  const folder = new MemoryFolder();
  return { open: async () => folder.open(), crash: async () => {}, async [Symbol.asyncDispose]() {} };
});

test('a folder in use is refused, with the process that has it; a lock whose owner is gone is not', async () => {
  await using world = await lmdbWorld();
  const store = await world.open();
  await expect(world.open()).rejects.toMatchObject({
    code: 'STATE_LOCKED',
    message: expect.stringContaining(String(process.pid)) as string,
  });
  await store[Symbol.asyncDispose]();
  await using again = await world.open();
  expect(again.checkpoints()).toEqual([]);
});

test('a folder that was removed while it was in use is said to be lost when it is closed', async () => {
  await using world = await lmdbWorld();
  const store = await world.open();
  rmSync(world.folder, { recursive: true });
  await expect(store[Symbol.asyncDispose]()).rejects.toMatchObject({
    code: 'STATE_LOST',
    message: `the data folder ${world.folder} was removed while it was in use`,
  });
});

test('in memory, a commit that was not durable is lost with its process', async () => {
  const folder = new MemoryFolder();
  const stuck = folder.open(() => new Promise(() => {}));
  void stuck.setIdentity({ folderId: 'f', systemIdentifier: '7', timeline: 1, slot: 's', group: 'g' });
  expect(folder.open().identity).toBeUndefined();
});
