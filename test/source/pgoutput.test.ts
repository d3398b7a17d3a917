import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Relation } from '../../src/flow/change.ts';
import { PgoutputDecoder, type PgoutputMessage } from '../../src/source/pgoutput.ts';
import * as wire from './pgoutput-encoder.ts';

const decodeAll = (messages: readonly Buffer[], decoder = new PgoutputDecoder()): PgoutputMessage[] =>
  messages.map((message) => decoder.decode(message, 0, message.length));

const name = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\0', ''));
const cellText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.nat().map(String),
  fc.integer({ min: 1_000, max: 3_000 }).map((length) => 'é'.repeat(length)),
);
const cell = fc.oneof({ weight: 6, arbitrary: cellText }, fc.constant(null), fc.constant(undefined));
const column = fc.record({
  name,
  typeOid: fc.nat(2 ** 32 - 1),
  typmod: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  identity: fc.boolean(),
});
const described: fc.Arbitrary<Relation> = fc.record({
  oid: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  schema: name.filter((text) => text !== ''),
  name,
  replicaIdentity: fc.constantFrom('d', 'n', 'f', 'i'),
  columns: fc.array(column, { maxLength: 12 }),
});
const rowOf = (relation: Relation): fc.Arbitrary<wire.WireCell[]> => fc.tuple(...relation.columns.map(() => cell));
const lsn = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

describe('any message', () => {
  test('begin and commit come back as they were sent', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 32 - 1),
        lsn,
        lsn,
        fc.integer({ min: -4e15, max: 9e15 }),
        (xid, commitLsn, endLsn, us) => {
          expect(decodeAll([wire.begin(xid, commitLsn, us), wire.commit(commitLsn, endLsn, us)])).toEqual([
            { kind: 'begin', xid, commitLsn, commitTimeUs: us },
            { kind: 'commit', commitLsn, endLsn },
          ]);
        },
      ),
    );
  });

  test('rows of any text in any language come back as they were sent', () => {
    fc.assert(
      fc.property(
        described.chain((relation) => fc.tuple(fc.constant(relation), rowOf(relation), rowOf(relation))),
        ([relation, old, row]) => {
          const decoded = decodeAll([
            wire.relation(relation),
            wire.insert(relation.oid, row),
            wire.update(relation.oid, undefined, row),
            wire.update(relation.oid, { mark: 'O', row: old }, row),
            wire.update(relation.oid, { mark: 'K', row: old }, row),
            wire.deletion(relation.oid, 'O', old),
            wire.deletion(relation.oid, 'K', old),
            wire.truncate([relation.oid]),
          ]);
          const key = old.map((value, i) => (relation.columns[i]!.identity ? value : undefined));
          const filled = (from: readonly wire.WireCell[]): wire.WireCell[] =>
            row.map((value, i) => (value === undefined ? from[i] : value));
          expect(decoded).toEqual([
            { kind: 'relation' },
            { kind: 'insert', relation, old: undefined, new: row },
            { kind: 'update', relation, old: undefined, new: row },
            { kind: 'update', relation, old, new: filled(old) },
            { kind: 'update', relation, old: key, new: filled(key) },
            { kind: 'delete', relation, old, new: undefined },
            { kind: 'delete', relation, old: key, new: undefined },
            { kind: 'truncate', relations: [relation] },
          ]);
        },
      ),
    );
  });

  test('types, origins and messages are read over', () => {
    const decoded = decodeAll([
      wire.type(16_400, 'public', 'currency'),
      wire.origin(77n, 'elsewhere'),
      wire.logicalMessage(78n, 'millrace', Buffer.from([0, 1, 2, 0xff])),
    ]);
    expect(decoded.map((message) => message.kind)).toEqual(['type', 'origin', 'message']);
  });

  test('cut short anywhere, or made longer, is an error and never a row', () => {
    const relation: Relation = {
      oid: 7,
      schema: 'public',
      name: 't',
      replicaIdentity: 'd',
      columns: [
        { name: 'id', typeOid: 23, typmod: -1, identity: true },
        { name: 'v', typeOid: 25, typmod: -1, identity: false },
      ],
    };
    const whole = [
      wire.begin(1, 2n, 3),
      wire.commit(2n, 3n, 3),
      wire.relation(relation),
      wire.insert(7, ['1', 'eins']),
      wire.update(7, { mark: 'K', row: ['1', null] }, ['2', undefined]),
      wire.deletion(7, 'K', ['1', null]),
      wire.truncate([7, 7]),
      wire.type(1, 'a', 'b'),
      wire.origin(1n, 'o'),
      wire.logicalMessage(1n, 'p', Buffer.from('content')),
    ];
    for (const message of whole) {
      for (let length = 0; length < message.length; length++) {
        const decoder = new PgoutputDecoder();
        decodeAll([wire.relation(relation)], decoder);
        // The bytes behind the end are there, as they are in a socket's buffer: they must not be taken for ours.
        expect(() => decoder.decode(message, 0, length), `${message[0]} cut at ${length}`).toThrow('cannot be decoded');
      }
      const decoder = new PgoutputDecoder();
      decodeAll([wire.relation(relation)], decoder);
      const longer = Buffer.concat([message, Buffer.from([0])]);
      expect(() => decoder.decode(longer, 0, longer.length)).toThrow(/bytes too many|another length/);
    }
  });

  test('of an unknown kind, or about a table that was not described, is named', () => {
    const decoder = new PgoutputDecoder();
    expect(() => decodeAll([Buffer.from('S\0\0\0\x01')], decoder)).toThrow('unknown message type 0x53');
    expect(() => decodeAll([wire.insert(99, ['1'])], decoder)).toThrow('table 99 was not described');
  });
});

describe('a table', () => {
  const first: Relation = {
    oid: 7,
    schema: 'public',
    name: 't',
    replicaIdentity: 'd',
    columns: [{ name: 'id', typeOid: 23, typmod: -1, identity: true }],
  };
  const relationOf = (message: PgoutputMessage): Relation => {
    if (message.kind !== 'insert') throw new Error(message.kind);
    return message.relation;
  };

  test('described again in the same words is the same object', () => {
    const decoded = decodeAll([
      wire.relation(first),
      wire.insert(7, ['1']),
      wire.relation(first),
      wire.insert(7, ['2']),
    ]);
    expect(relationOf(decoded[3]!)).toBe(relationOf(decoded[1]!));
  });

  test('described otherwise is another object', () => {
    const wider: Relation = {
      ...first,
      columns: [...first.columns, { name: 'v', typeOid: 25, typmod: -1, identity: false }],
    };
    const decoded = decodeAll([
      wire.relation(first),
      wire.insert(7, ['1']),
      wire.relation(wider),
      wire.insert(7, ['2', 'zwei']),
    ]);
    expect(relationOf(decoded[1]!)).toEqual(first);
    expect(relationOf(decoded[3]!)).toEqual(wider);
  });
});
