// The name of a pipeline generation's topic, the same in Kafka and as a folder of the embedded stream.

import { MillraceError } from '../runtime/errors.ts';
import type { TopicName } from './log.ts';

const PREFIX = 'millrace.';
/** Kafka's limit, also safe as a file name. */
const MAX_LENGTH = 249;

/** `millrace.<group>.<pipeline id>.<generation>`. Rejects a group that cannot stand in a topic name with USAGE. */
export function formatTopicName(topic: TopicName): string {
  const name = `${PREFIX}${topic.group}.${topic.pipelineId}.${topic.generation}`;
  if (!/^[A-Za-z0-9._-]+$/.test(topic.group) || name.length > MAX_LENGTH) {
    throw new MillraceError('USAGE', `the group ${JSON.stringify(topic.group)} cannot name a topic`, {
      hint: 'Use letters, digits, "-", "_" and "." only, 200 at most.',
    });
  }
  return name;
}

/** What {@link formatTopicName} made, or undefined for a name that is not ours. */
export function parseTopicName(name: string): TopicName | undefined {
  const match = /^millrace\.([A-Za-z0-9._-]+)\.(\d{1,15})\.(\d{1,15})$/.exec(name);
  if (!match) return undefined;
  return { group: match[1]!, pipelineId: Number(match[2]), generation: Number(match[3]) };
}
