import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EmbeddedLog } from '../../../src/stream/embedded-log.ts';
import { logContract } from './log-contract.ts';

logContract('embedded', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-log-'));
  const log = await EmbeddedLog.open({ folder });
  return {
    log,
    another: () => EmbeddedLog.open({ folder }),
    async dropBelow(topic, offset) {
      await using reader = await log.openReader(topic, { maxRecords: 1, maxBytes: 1 });
      for (let partition = 0; partition < reader.partitions; partition++) await reader.committed(partition, offset);
      await using writer = await log.openWriter(topic, reader.partitions);
      await writer.trim();
    },
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
