// Brings folder and warehouse together before anything is read. The order makes a cut at any point harmless: the folder gets its
// identity first, then the warehouse learns of the folder, then publication and slot are made. Only who is attached may say
// which topics are this warehouse's.

import { randomUUID } from 'node:crypto';
import { failPoint } from '../runtime/fail-points.ts';
import { decideAttachment } from './attachment.ts';
import { unmarkedTopics } from './member.ts';
import type { ConnectorOptions, ConnectorPorts, WarehouseIdentity } from './ports.ts';

export async function attach(ports: ConnectorPorts, options: ConnectorOptions, signal: AbortSignal): Promise<void> {
  const { warehouse, state } = ports;
  const identity = await warehouse.identify();
  const { kind } = decideAttachment(identity, state);
  if (kind === 'first-start') await nameFolder(ports, options, identity);
  if (kind !== 'attached') await makeGroup(ports, identity, signal);
  await warehouse.claimTopics(unmarkedTopics(state));
}

async function nameFolder(
  { state }: ConnectorPorts,
  { group }: ConnectorOptions,
  { systemIdentifier, timeline, slot }: WarehouseIdentity,
): Promise<void> {
  await state.setIdentity({ folderId: randomUUID(), systemIdentifier, timeline, slot, group });
  failPoint('connector.folder_named');
}

async function makeGroup(
  { warehouse, state, logger }: ConnectorPorts,
  { slot }: WarehouseIdentity,
  signal: AbortSignal,
): Promise<void> {
  logger.info({ slot }, 'first start: making publication and slot');
  await warehouse.prepareGroup(state.identity!.folderId, signal);
  failPoint('connector.slot_made');
}
