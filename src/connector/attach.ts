// Brings folder and warehouse together before anything is read. The order makes a cut at any point harmless: the folder gets its
// identity first, then the warehouse learns of the folder, then publication and slot are made.

import { randomUUID } from 'node:crypto';
import { failPoint } from '../runtime/fail-points.ts';
import { decideAttachment } from './attachment.ts';
import type { ConnectorOptions, ConnectorPorts } from './ports.ts';

export async function attach(ports: ConnectorPorts, options: ConnectorOptions, signal: AbortSignal): Promise<void> {
  const { warehouse, state, logger } = ports;
  const identity = await warehouse.identify();
  const attachment = decideAttachment(identity, state);
  if (attachment.kind === 'attached') return;
  if (attachment.kind === 'first-start') {
    const { systemIdentifier, timeline, slot } = identity;
    await state.setIdentity({ folderId: randomUUID(), systemIdentifier, timeline, slot, group: options.group });
    failPoint('connector.folder_named');
  }
  logger.info({ slot: identity.slot }, 'first start: making publication and slot');
  await warehouse.prepareGroup(state.identity!.folderId, signal);
  failPoint('connector.slot_made');
}
