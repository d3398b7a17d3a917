import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, statusFrame } from '../../src/source/replication-frames.ts';
import { frame, keepalive, xlogData } from './pgoutput-encoder.ts';

const seen = (): { reader: FrameReader; events: unknown[] } => {
  const events: unknown[] = [];
  const reader = new FrameReader({
    onCopyBegin: () => events.push('begin'),
    onPayload: (bytes, start, end) => events.push(bytes.subarray(start, end).toString('hex')),
    onKeepalive: (walEnd, replyNow) => events.push([walEnd, replyNow]),
    onCopyEnd: () => events.push('end'),
    onServerError: (error) => events.push(error),
  });
  return { reader, events };
};

test('frames are the same wherever the socket splits them', () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((payload) => ({
      bytes: xlogData(Buffer.from(payload)),
      event: Buffer.from(payload).toString('hex') as unknown,
    })),
    fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.boolean()).map(([walEnd, replyNow]) => ({
      bytes: keepalive(walEnd, replyNow),
      event: [walEnd, replyNow] as unknown,
    })),
    fc.constant({ bytes: frame('W', Buffer.from([0, 0, 0])), event: 'begin' as unknown }),
    fc.constant({ bytes: frame('c', Buffer.alloc(0)), event: 'end' as unknown }),
    fc.constant({
      bytes: frame('E', Buffer.from('SERROR\0C58P01\0Mgone\0\0')),
      event: { code: '58P01', message: 'gone' } as unknown,
    }),
    fc.constant({ bytes: frame('S', Buffer.from('TimeZone\0UTC\0')), event: undefined }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (parts, cuts) => {
      const all = Buffer.concat(parts.map(({ bytes }) => bytes));
      const { reader, events } = seen();
      for (let at = 0; at < all.length;) {
        const length = cuts.next().value;
        reader.read(all.subarray(at, at + length));
        at += length;
      }
      expect(events).toEqual(parts.map(({ event }) => event).filter((event) => event !== undefined));
    }),
  );
});

test('a frame that does not belong on a replication connection is an error', () => {
  expect(() => seen().reader.read(frame('D', Buffer.from([0, 0])))).toThrow('unexpected message 0x44');
  expect(() => seen().reader.read(frame('d', Buffer.from('x')))).toThrow('unknown replication message 0x78');
});

test('the status carries one LSN three times, and asks for nothing', () => {
  const status = statusFrame(0x1_0000_00ffn, 946_684_800_001);
  expect(status.toString('hex')).toBe(`64${'00000026'}72${'00000001000000ff'.repeat(3)}${'00000000000003e8'}00`);
});
