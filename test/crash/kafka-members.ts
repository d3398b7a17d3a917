// Tells a broker that the members of a group are gone, as it would find out by itself once their session timeout is over: a
// test with many kills need not wait that long each time. LeaveGroup, version 3, sent by hand as kafkajs offers it to members only.
// Source: https://kafka.apache.org/protocol#The_Messages_LeaveGroup

import { once } from 'node:events';
import { connect } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';

const LEAVE_GROUP = 13;
const VERSION = 3;

/** Of every group whose name begins with `millrace.<group>.`; there is one broker, so it coordinates them all. */
export async function expelMembers(brokers: readonly string[], group: string): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { groups } = await admin.listGroups();
    const ids = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(`millrace.${group}.`));
    if (ids.length === 0) return;
    for (const { groupId, members } of (await admin.describeGroups(ids)).groups)
      for (const { memberId } of members) await leave(brokers[0]!, groupId, memberId);
  } finally {
    await admin.disconnect();
  }
}

async function leave(broker: string, groupId: string, memberId: string): Promise<void> {
  const [host, port] = broker.split(':');
  const socket = connect({ host: host!, port: Number(port) });
  try {
    await once(socket, 'connect');
    const members = Buffer.concat([int32(1), string(memberId), int16(-1)]);
    const header = Buffer.concat([int16(LEAVE_GROUP), int16(VERSION), int32(1), string('millrace-test')]);
    const request = Buffer.concat([header, string(groupId), members]);
    socket.write(Buffer.concat([int32(request.length), request]));
    await once(socket, 'data');
  } finally {
    socket.destroy();
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}
