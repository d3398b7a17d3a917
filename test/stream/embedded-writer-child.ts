// A process that publishes to the embedded log, says so, and goes on publishing until it is killed.
// usage: embedded-writer-child FOLDER PARTITIONS RECORDS-A-PUBLISH

import { EmbeddedLog } from '../../src/stream/embedded-log.ts';
import type { StreamRecord } from '../../src/flow/record.ts';

const [folder, partitions, count] = process.argv.slice(2);
const log = await EmbeddedLog.open({ folder: folder! });
const writer = await log.openWriter({ group: 'child', pipelineId: 1, generation: 1 }, Number(partitions));
let n = 0;
for (;;) {
  const records: StreamRecord[] = Array.from({ length: Number(count) }, () => ({
    position: { lsn: 1n, n: n++ },
    partition: n % Number(partitions),
    commitTimeUs: 1,
    body: { kind: 'delete', key: `["${n}"]` },
  }));
  await writer.publish(records);
  process.stdout.write(`${n}\n`);
}
