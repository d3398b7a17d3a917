// What both streams say when the topic is not what was expected.

import assert from 'node:assert/strict';
import { MillraceError } from '../runtime/errors.ts';
import type { OffsetRange } from './log.ts';

/** The records that are wanted next are not in the log. */
export function offsetOutOfRange(topic: string, partition: number, offset: number, range: OffsetRange): MillraceError {
  const has = range.first === range.end ? `is empty at ${range.end}` : `has ${range.first} to ${range.end - 1}`;
  return new MillraceError(
    'OFFSET_OUT_OF_RANGE',
    `topic ${topic}, partition ${partition}: offset ${offset} was expected, the log ${has}`,
    {
      hint:
        offset > range.end
          ? 'The topic was lost or replaced. Restore it, or rebuild the pipeline.'
          : 'The records were removed before they were read: the retention is shorter than the sink was away. Raise it, and rebuild the pipeline.',
    },
  );
}

export function topicChanged(topic: string, expected: number, found: number): MillraceError {
  return new MillraceError('TOPIC_CHANGED', `topic ${topic} has ${found} partitions, ${expected} were expected`, {
    hint: 'The number of partitions is fixed for a generation. Rebuild the pipeline to change it.',
  });
}

/** Retryable: the connector makes the topic, perhaps a moment after the sink looks for it. */
export function topicMissing(topic: string): MillraceError {
  return new MillraceError('TOPIC_CHANGED', `topic ${topic} does not exist`, {
    hint: 'The connector creates it when the pipeline starts. If it was removed, rebuild the pipeline.',
    retryable: true,
  });
}

/** Of a closed log nothing may be asked: whoever does would open what nobody closes. */
export function assertOpen(closed: boolean): void {
  assert(!closed, 'the log is closed');
}
