// The topics: in Kafka with --brokers, else on disk in --data. Only the one that is used is imported.

import type { Logger } from '../runtime/logger.ts';
import type { Log } from '../stream/log.ts';
import { groupFolder, type CommonFlags } from './flags.ts';

export async function openLog(flags: Pick<CommonFlags, 'brokers' | 'data' | 'group'>, logger: Logger): Promise<Log> {
  if (flags.brokers) {
    const { KafkaLog } = await import('../stream/kafka-log.ts');
    return KafkaLog.open({ brokers: flags.brokers, logger });
  }
  const { EmbeddedLog } = await import('../stream/embedded-log.ts');
  return EmbeddedLog.open({ folder: `${groupFolder(flags)}/stream` });
}
