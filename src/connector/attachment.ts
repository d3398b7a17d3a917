// Is this the slot, the warehouse and the folder that we left? Starting replication below a slot's confirmed position gives no
// error, only silence: so an unknown or older folder must stop the group here, with the way out, and never start anew by itself.

import type { Lsn } from '../flow/lsn.ts';
import { formatLsn } from '../flow/lsn.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { FolderIdentity, StateStore } from '../state/state-store.ts';
import type { WarehouseIdentity } from './ports.ts';

export type Attachment =
  /** Nothing was ever here: make publication, slot and identity. */
  | { readonly kind: 'first-start' }
  /** An earlier first start was cut off before the slot was there. */
  | { readonly kind: 'finish-start' }
  | { readonly kind: 'attached' };

/** Decides; throws STATE_LOST, SLOT_MISSING or NOT_OUR_WAREHOUSE. */
export function decideAttachment(
  warehouse: WarehouseIdentity,
  state: Pick<StateStore, 'identity' | 'group' | 'checkpoints'>,
): Attachment {
  const folder = state.identity;
  if (!folder) {
    if (!warehouse.slotExists) return { kind: 'first-start' };
    throw new MillraceError('STATE_LOST', `the slot ${warehouse.slot} exists, but this data folder is empty`, {
      hint: wayOut(warehouse.slot),
    });
  }
  checkWarehouse(warehouse, folder);
  if (!warehouse.slotExists) {
    if (!state.group) return { kind: 'finish-start' };
    throw new MillraceError(
      'SLOT_MISSING',
      `the slot ${warehouse.slot} was dropped: changes since ${formatLsn(state.group.endLsn)} can no longer be read`,
      {
        hint: 'Remove the data folder and start again: every pipeline is then built anew from its tables. Score tables stay as they are until then.',
      },
    );
  }
  if (warehouse.folderId !== folder.folderId) {
    throw new MillraceError('STATE_LOST', `the slot ${warehouse.slot} belongs to another data folder`, {
      hint: wayOut(warehouse.slot),
    });
  }
  checkAge(warehouse, state);
  return { kind: 'attached' };
}

function checkWarehouse(warehouse: WarehouseIdentity, folder: FolderIdentity): void {
  if (warehouse.systemIdentifier !== folder.systemIdentifier) {
    throw new MillraceError(
      'NOT_OUR_WAREHOUSE',
      `this data folder was made for the server ${folder.systemIdentifier}; --warehouse is ${warehouse.systemIdentifier}`,
      {
        hint: 'Give the right --warehouse, or another --data folder for this one.',
      },
    );
  }
  if (warehouse.timeline !== folder.timeline) {
    throw new MillraceError(
      'NOT_OUR_WAREHOUSE',
      `the server changed from timeline ${folder.timeline} to ${warehouse.timeline} (a failover or a restore): WAL positions may repeat`,
      {
        hint: `Positions of the old timeline cannot be told from new ones. ${wayOut(warehouse.slot)}`,
      },
    );
  }
}

/** A folder older than the slot (restored from a backup, say) would miss what the slot has let go. */
function checkAge(warehouse: WarehouseIdentity, state: Pick<StateStore, 'group' | 'checkpoints'>): void {
  const lowest = lowestClaim(state);
  if (lowest !== undefined && warehouse.confirmedLsn !== undefined && warehouse.confirmedLsn > lowest) {
    throw new MillraceError(
      'STATE_LOST',
      `this data folder is older than the slot: it stands at ${formatLsn(lowest)}, the slot at ${formatLsn(warehouse.confirmedLsn)}`,
      { hint: wayOut(warehouse.slot) },
    );
  }
}

/** Up to where everything is durable for everybody: the only position that the slot may be acknowledged to. */
export function lowestClaim(state: Pick<StateStore, 'group' | 'checkpoints'>): Lsn | undefined {
  let lowest = state.group?.endLsn;
  for (const checkpoint of state.checkpoints()) {
    if (!holdsSlot(checkpoint)) continue;
    if (lowest === undefined || checkpoint.endLsn < lowest) lowest = checkpoint.endLsn;
  }
  return lowest;
}

/** A pipeline that never got as far as a snapshot, or has let go, needs nothing of the WAL. */
export function holdsSlot(checkpoint: { readonly phase: string; readonly endLsn: Lsn }): boolean {
  return checkpoint.phase !== 'claimed' && checkpoint.endLsn > 0n;
}

function wayOut(slot: string): string {
  return `Attach the data folder (volume) that it was used with. If that is lost: \`millrace drop-slot\` removes ${slot}, and the next start builds every pipeline anew from its tables.`;
}
