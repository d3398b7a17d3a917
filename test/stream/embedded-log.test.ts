import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedLog } from '../../src/stream/embedded-log.ts';
import type { TopicReader } from '../../src/stream/log.ts';
import { numbered, record } from '../contract/log/log-contract.ts';

const topic = { group: 'child', pipelineId: 1, generation: 1 };
const caps = { maxRecords: 100_000, maxBytes: 64 * 1024 * 1024 };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-embedded-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each([1, 4])('the embedded log with %i partition(s), written by another process', (partitions) => {
  it('has every acknowledged record and only whole publishes after the writer is killed, and wakes its reader', async () => {
    const size = 97;
    const child = startWriter(partitions, size);
    const acknowledged = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const closed = new Promise((resolve) => child.once('close', resolve));
    await acknowledged.next();
    await using log = await EmbeddedLog.open({ folder });
    await using reader = await log.openReader(topic, caps);
    const stop = new AbortController();
    // Reads on while the other process writes: each batch is a wake-up across processes.
    const reading = reader.read(0, 0, stop.signal)[Symbol.asyncIterator]();
    for (let seen = 0; seen < 10; seen++) expect((await reading.next()).done).toBe(false);
    let last = 0;
    for (let i = 0; i < 20; i++) last = Number((await acknowledged.next()).value);
    child.kill('SIGKILL');
    await closed;
    stop.abort();
    await reading.return?.();

    const positions: number[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      for (const one of await readAll(reader, partition)) positions.push(one.position.n);
    }
    positions.sort((a, b) => a - b);
    expect(positions.length).toBeGreaterThanOrEqual(last);
    expect(positions.length % size).toBe(0);
    expect(positions.every((n, i) => n === i)).toBe(true);
  });
});

describe('the embedded log', () => {
  it('keeps everything until a reader has said how far it is', async () => {
    await using log = await EmbeddedLog.open({ folder });
    await using writer = await log.openWriter(topic, 1);
    await using reader = await log.openReader(topic, caps);
    for (let n = 0; n < 10; n++) await writer.publish([record(0, n)]);
    await writer.trim();
    expect(await reader.range(0)).toEqual({ first: 0, end: 10 });
  });

  it('is trimmed behind the slowest of its readers only', async () => {
    await using log = await EmbeddedLog.open({ folder, reader: 'fast' });
    await using other = await EmbeddedLog.open({ folder, reader: 'slow' });
    await using writer = await log.openWriter(topic, 1);
    await using fast = await log.openReader(topic, caps);
    await using slow = await other.openReader(topic, caps);
    for (let n = 0; n < 10; n++) await writer.publish([record(0, n)]);
    await fast.committed(0, 9);
    await slow.committed(0, 3);
    await writer.trim();
    expect(await fast.range(0)).toEqual({ first: 3, end: 10 });
    await slow.committed(0, 10);
    await fast.committed(0, 10);
    await writer.trim();
    // The last block stays, since the tail is read from it.
    expect(await fast.range(0)).toEqual({ first: 9, end: 10 });
    expect((await writer.tail(0))?.n).toBe(9);
  });

  it('says that its folder was removed, where it was', async () => {
    await using log = await EmbeddedLog.open({ folder });
    rmSync(folder, { recursive: true });
    await expect(log.list({ group: 'child', mark: '0123456789ab', unmarked: [] })).rejects.toMatchObject({
      code: 'STATE_LOST',
      message: expect.stringContaining(`${folder} is gone`) as string,
    });
  });

  it('uses the room of trimmed records again', async () => {
    await using log = await EmbeddedLog.open({ folder });
    await using writer = await log.openWriter(topic, 1);
    await using reader = await log.openReader(topic, caps);
    const file = path.join(folder, 'millrace.child.1.1', 'log.mdb');
    let n = 0;
    const round = async (): Promise<number> => {
      await writer.publish(numbered(0, n, (n += 200), 'x'.repeat(1_000)));
      await reader.committed(0, n);
      await writer.trim();
      return statSync(file).size;
    };
    for (let i = 0; i < 10; i++) await round();
    const early = await round();
    for (let i = 0; i < 50; i++) await round();
    expect(await round()).toBeLessThan(early * 2);
  });

  it('wakes a reader for each of many publishes that come close together', async () => {
    await using log = await EmbeddedLog.open({ folder });
    await using writer = await log.openWriter(topic, 1);
    await using reader = await log.openReader(topic, { maxRecords: 1, maxBytes: 1 });
    const publishing = (async () => {
      for (let n = 0; n < 300; n++) await writer.publish([record(0, n)]);
    })();
    const stop = new AbortController();
    let expected = 0;
    for await (const batch of reader.read(0, 0, stop.signal)) {
      expect(batch.records[0]!.position.n).toBe(expected++);
      if (expected === 300) break;
    }
    await publishing;
  });

  it('leaves no watcher, timer or listener behind when it is closed', async () => {
    const before = resources();
    await (async () => {
      await using log = await EmbeddedLog.open({ folder });
      await using writer = await log.openWriter(topic, 1);
      await using reader = await log.openReader(topic, caps);
      await writer.publish([record(0, 0)]);
      const stop = new AbortController();
      const reading = reader.read(0, 1, stop.signal)[Symbol.asyncIterator]();
      const waiting = reading.next();
      expect(resources().some((one) => one === 'FSEventWrap')).toBe(true);
      stop.abort();
      await waiting;
    })();
    // The test runner has timers and sockets of its own, which come and go; what we left behind would stay.
    for (let turn = 0; turn < 20_000 && leftBehind(before).length > 0; turn++) await new Promise(setImmediate);
    expect(leftBehind(before)).toEqual([]);
  });

  it('tells a reader that waits that its topic was removed', async () => {
    await using log = await EmbeddedLog.open({ folder });
    await using writer = await log.openWriter(topic, 1);
    await using reader = await log.openReader(topic, caps);
    await writer.publish([record(0, 0)]);
    const waiting = readAll(reader, 0, 2);
    await log.remove(topic);
    await expect(waiting).rejects.toMatchObject({ code: 'TOPIC_CHANGED' });
  });
});

/** Watchers and timers that were not there before. */
function leftBehind(before: readonly string[]): string[] {
  const known = [...before];
  return resources().filter((one) => {
    if (one !== 'FSEventWrap' && one !== 'Timeout') return false;
    const at = known.indexOf(one);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((one) => one === 'FSEventWrap' || one === 'Timeout')
    .sort();
}

function startWriter(partitions: number, size: number) {
  const hooks = path.join(import.meta.dirname, '../support/typescript-hooks.mjs');
  const script = path.join(import.meta.dirname, 'embedded-writer-child.ts');
  return spawn(process.execPath, ['--import', hooks, script, folder, String(partitions), String(size)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Everything that is there now, or the first `count`. */
async function readAll(reader: TopicReader, partition: number, count?: number) {
  const end = count ?? (await reader.range(partition)).end;
  const all = [];
  const stop = new AbortController();
  if (end === 0) return [];
  for await (const batch of reader.read(partition, 0, stop.signal)) {
    all.push(...batch.records);
    if (batch.nextOffset >= end) break;
  }
  return all;
}
