import { Life, Scheduler } from '../../simulation/scheduler.ts';
import { MemoryWarehouse, type Write as MemoryWrite } from '../../simulation/memory-warehouse.ts';
import { sourceContract, type SourceWorld, type Write } from './source-contract.ts';

const table = { schema: 'public', name: 't' };
const columns = [
  { name: 'id', typeOid: 23, typmod: -1, identity: true },
  { name: 'v', typeOid: 25, typmod: -1, identity: false },
];

function asMemory(write: Write): MemoryWrite {
  switch (write.kind) {
    case 'insert':
      return { table, cells: { id: String(write.id), v: write.v } };
    case 'update':
      return { table, was: { id: String(write.id) }, cells: { id: String(write.to), v: write.v } };
    case 'delete':
      return { table, gone: { id: String(write.id) } };
    case 'truncate':
      return { table, truncate: true };
  }
}

async function makeWorld(): Promise<SourceWorld> {
  const scheduler = new Scheduler(1, 0);
  const server = new MemoryWarehouse(scheduler);
  server.createTable(table, columns);
  server.publish([table]);
  server.slot = server.endLsn;
  const life = new Life(scheduler, { breaks: 0, stalls: 0 });
  let over = false;
  // The world goes on by itself until the test is over; it stands still while the test thinks.
  const turn = (): void => {
    if (over) return;
    scheduler.step();
    setImmediate(turn);
  };
  turn();
  return {
    async commit(writes) {
      server.commit(writes.map(asMemory));
    },
    open: async (from) => server.openSource(life, from),
    openSnapshot: async () => server.openSnapshot(life, 'test'),
    async cut() {
      server.cut();
    },
    async [Symbol.asyncDispose]() {
      over = true;
    },
  };
}

sourceContract('the source in memory', makeWorld);
