import { openSnapshot } from '../../../src/source/snapshot.ts';
import { createStream, never } from '../../source/stream-fixture.ts';
import { sourceContract, type SourceWorld, type Write } from './source-contract.ts';

const literal = (v: string | null): string => (v === null ? 'null' : `'${v}'`);

function statement(write: Write): string {
  switch (write.kind) {
    case 'insert':
      return `insert into t values (${write.id}, ${literal(write.v)})`;
    case 'update':
      return `update t set id = ${write.to}, v = ${literal(write.v)} where id = ${write.id}`;
    case 'delete':
      return `delete from t where id = ${write.id}`;
    case 'truncate':
      return 'truncate t';
  }
}

async function makeWorld(): Promise<SourceWorld> {
  const stream = await createStream(`create table t (id integer primary key, v text)`);
  return {
    async commit(writes) {
      // An empty transaction leaves no trace in the WAL; a message is the least that does.
      const statements =
        writes.length > 0 ? writes.map(statement) : [`select pg_logical_emit_message(true, 'test', '')`];
      await stream.database.query(['begin', ...statements, 'commit'].join(';'));
    },
    open: (from) => stream.open({ from }),
    openSnapshot: () => openSnapshot({ url: stream.database.url, signal: never }),
    async cut() {
      await stream.database.query(
        `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1`,
        [stream.slot],
      );
    },
    [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
  };
}

sourceContract('the source over Postgres logical replication', makeWorld);
