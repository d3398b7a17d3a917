import { expect, test } from 'vitest';
import { decideAttachment, lowestClaim } from '../../src/connector/attachment.ts';
import type { WarehouseIdentity } from '../../src/connector/ports.ts';
import type { PipelineCheckpoint, StateStore } from '../../src/state/state-store.ts';

const warehouse: WarehouseIdentity = {
  systemIdentifier: '7',
  timeline: 1,
  slot: 'millrace_main',
  slotExists: true,
  folderId: 'f',
  confirmedLsn: 100n,
};
type Folder = Pick<StateStore, 'identity' | 'group' | 'checkpoints'>;
const identity = { folderId: 'f', systemIdentifier: '7', timeline: 1, slot: 'millrace_main', group: 'main' };
const folder: Folder = { identity, group: { snapshotLsn: 1n, commitLsn: 90n, endLsn: 100n }, checkpoints: () => [] };

const checkpoint = (phase: PipelineCheckpoint['phase'], endLsn: bigint): PipelineCheckpoint =>
  ({ phase, endLsn }) as PipelineCheckpoint;

test('a folder, slot and warehouse that belong together are taken up again', () => {
  expect(decideAttachment(warehouse, folder)).toEqual({ kind: 'attached' });
});

test('nothing anywhere is a first start, and one that was cut off is finished', () => {
  const nothing: WarehouseIdentity = { ...warehouse, slotExists: false, folderId: undefined, confirmedLsn: undefined };
  expect(decideAttachment(nothing, { identity: undefined, group: undefined, checkpoints: () => [] })).toEqual({
    kind: 'first-start',
  });
  expect(decideAttachment(nothing, { identity, group: undefined, checkpoints: () => [] })).toEqual({
    kind: 'finish-start',
  });
});

const stops: [string, WarehouseIdentity, Folder, string, RegExp][] = [
  [
    'an empty folder beside an existing slot',
    warehouse,
    { identity: undefined, group: undefined, checkpoints: () => [] },
    'STATE_LOST',
    /data folder is empty/,
  ],
  [
    'another folder than the slot was used with',
    { ...warehouse, folderId: 'g' },
    folder,
    'STATE_LOST',
    /belongs to another data folder/,
  ],
  ['a folder older than the slot', { ...warehouse, confirmedLsn: 101n }, folder, 'STATE_LOST', /older than the slot/],
  ['a slot that was dropped', { ...warehouse, slotExists: false }, folder, 'SLOT_MISSING', /was dropped/],
  ['another server', { ...warehouse, systemIdentifier: '8' }, folder, 'NOT_OUR_WAREHOUSE', /made for the server 7/],
  ['a server after a failover', { ...warehouse, timeline: 2 }, folder, 'NOT_OUR_WAREHOUSE', /timeline 1 to 2/],
];
test.each(stops)('%s stops the group, with the way out', (_, identified, state, code, message) => {
  expect(() => decideAttachment(identified, state)).toThrow(
    expect.objectContaining({
      code,
      message: expect.stringMatching(message) as string,
      hint: expect.any(String) as string,
    }),
  );
});

test('the slot is held at the lowest checkpoint of those that still need it', () => {
  const of = (...checkpoints: PipelineCheckpoint[]): bigint | undefined =>
    lowestClaim({ group: folder.group, checkpoints: () => checkpoints });
  expect(of()).toBe(100n);
  expect(of(checkpoint('live', 80n), checkpoint('paused', 60n), checkpoint('failed', 70n))).toBe(60n);
  expect(of(checkpoint('claimed', 10n), checkpoint('failed', 0n))).toBe(100n);
});
