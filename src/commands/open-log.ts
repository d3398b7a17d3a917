// The topics: in Kafka with --brokers, else on disk in --data.

import type { Logger } from '../runtime/logger.ts';
import { EmbeddedLog } from '../stream/embedded-log.ts';
import { KafkaLog } from '../stream/kafka-log.ts';
import type { Log } from '../stream/log.ts';
import { groupFolder, type CommonFlags } from './flags.ts';

export async function openLog(flags: Pick<CommonFlags, 'brokers' | 'data' | 'group'>, logger: Logger): Promise<Log> {
  if (flags.brokers) return KafkaLog.open({ brokers: flags.brokers, logger });
  return EmbeddedLog.open({ folder: `${groupFolder(flags)}/stream` });
}
