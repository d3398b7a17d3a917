// The name of a pipeline generation's topic, the same in Kafka and as a folder of the embedded stream. It says whose it is: group
// names and pipeline ids are the same in any two warehouses, and a topic of another one would be read as one's own.

import { MillraceError } from '../runtime/errors.ts';
import type { TopicName, TopicOwner } from './log.ts';

/** Kafka's limit, also safe as a file name. */
const MAX_LENGTH = 249;
const GROUP = /^[A-Za-z0-9_-]+$/;
const NAME = /^millrace\.([A-Za-z0-9_-]+)\.(?:([0-9a-f]{12})\.)?(\d{1,15})\.(\d{1,15})$/;

/** What a folder's topics carry in their names: the first 48 bits of its id, a random UUID. */
export function topicMark(folderId: string): string {
  const mark = folderId.replaceAll('-', '').slice(0, 12);
  if (/^[0-9a-f]{12}$/.test(mark)) return mark;
  throw new MillraceError('STATE_CORRUPT', `the id of the data folder, ${JSON.stringify(folderId)}, is no UUID`, {
    hint: 'Restore the data folder; else `millrace drop-slot`, remove it, and start again from the tables.',
  });
}

/**
 * `millrace.<group>.<mark>.<pipeline id>.<generation>`; without a mark where the topic has none. Rejects a group that cannot
 * stand in a topic name with USAGE.
 */
export function formatTopicName({ group, mark, pipelineId, generation }: TopicName): string {
  const name = ['millrace', group, ...(mark === undefined ? [] : [mark]), pipelineId, generation].join('.');
  if (!GROUP.test(group) || name.length > MAX_LENGTH) {
    throw new MillraceError('USAGE', `the group ${JSON.stringify(group)} cannot name a topic`, {
      hint: 'Use letters, digits, "-" and "_" only, 180 at most.',
    });
  }
  return name;
}

/** What {@link formatTopicName} made, or undefined for a name that is not ours. */
export function parseTopicName(name: string): TopicName | undefined {
  const match = NAME.exec(name);
  if (!match) return undefined;
  return { group: match[1]!, mark: match[2], pipelineId: Number(match[3]), generation: Number(match[4]) };
}

/** Of all names on a broker or in a folder, the owner's. */
export function topicsOf({ group, mark, unmarked }: TopicOwner, names: readonly string[]): TopicName[] {
  const isOwn = (topic: TopicName): boolean =>
    topic.mark === mark ||
    (topic.mark === undefined &&
      unmarked.some((one) => one.pipelineId === topic.pipelineId && one.generation === topic.generation));
  return names
    .map(parseTopicName)
    .filter((topic): topic is TopicName => topic !== undefined && topic.group === group && isOwn(topic));
}
