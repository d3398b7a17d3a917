import { MemoryLog, MemoryLogStorage } from '../../simulation/memory-log.ts';
import { logContract } from './log-contract.ts';

logContract('memory', async () => {
  const storage = new MemoryLogStorage();
  const log = new MemoryLog(storage);
  return {
    log,
    another: async () => new MemoryLog(storage),
    async dropBelow(topic, offset) {
      await using reader = await log.openReader(topic, { maxRecords: 1, maxBytes: 1 });
      for (let partition = 0; partition < reader.partitions; partition++) await reader.committed(partition, offset);
      await using writer = await log.openWriter(topic, reader.partitions);
      await writer.trim();
    },
    async [Symbol.asyncDispose]() {},
  };
});
