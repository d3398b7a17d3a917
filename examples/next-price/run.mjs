// Forecasts the close of three stocks each morning, live: sessions are announced before the market opens, closes come in the evening.
//
//   npm run build && node examples/next-price/run.mjs [--warehouse URL] [--brokers HOST:PORT,…] [--data DIR]
//
// Without --warehouse it starts a Postgres of its own in a folder that it removes afterwards; without --brokers the records go
// through the embedded stream.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { market, SYMBOLS } from './market.mjs';

const SESSIONS = 500;
/** From this session on the model has learned enough to be compared with what is best. */
const LEARNED = 100;

const TABLES = `
create table sessions (symbol text, day date, overnight float8 not null, primary key (symbol, day));
create table closes (symbol text, day date, close float8 not null, primary key (symbol, day));`;

const FEATURES = `
create view price_features as
  select symbol, day,
         symbol as stock, day as on_day,       -- the series and its time, which are no features
         overnight,                            -- the move before the market opens
         extract(isodow from day) = 1 as monday
  from sessions;`;

const LABELS = `
create view price_labels as select symbol, day, close as label from closes;`;

const PIPELINE = `
select millrace.create_pipeline('next_price', features => 'price_features', key => 'symbol, day', labels => 'price_labels',
  model => '{"kind": "autoregression", "series": "stock", "time": "on_day", "p": 1, "horizon": 5, "interval": 0.9}');`;

const { values: flags } = parseArgs({
  options: { warehouse: { type: 'string' }, brokers: { type: 'string' }, data: { type: 'string' } },
});
/** The command line as it was built; a test may name another copy. */
const cli = path.resolve(process.env.MILLRACE_CLI ?? path.join(import.meta.dirname, '../../dist/cli.js'));
if (!existsSync(cli)) {
  console.error('Build it first: npm run build');
  process.exit(2);
}

const days = market(SESSIONS, 7);
const temporary = [];
const folder = flags.data ?? temporaryFolder();
const server = flags.warehouse ? undefined : await startPostgres();
const url = flags.warehouse ?? server.url;
try {
  await run();
} finally {
  await server?.stop('immediate');
  for (const one of temporary) rmSync(one, { recursive: true, force: true });
}

async function run() {
  await succeeds(millrace('migrate', '--warehouse', url));
  const warehouse = new pg.Client({ connectionString: url });
  await warehouse.connect();
  try {
    console.log(FEATURES, LABELS, PIPELINE);
    await warehouse.query(TABLES + FEATURES + LABELS + PIPELINE);
    const stream = flags.brokers ? ['--brokers', flags.brokers] : [];
    const up = millrace('up', '--warehouse', url, '--data', folder, ...stream);
    await Promise.race([play(warehouse), ended(up)]);
    up.kill('SIGTERM');
    await succeeds(up);
    await report(warehouse);
  } finally {
    await warehouse.end();
  }
}

/** In the morning the day's sessions are a transaction, in the evening their closes another. */
async function play(warehouse) {
  const [{ state, reason }] = await until(
    warehouse,
    `select state, reason from millrace.status where pipeline = 'next_price' and state in ('running', 'failed')`,
  );
  if (state === 'failed') throw new Error(`the pipeline failed: ${reason}`);
  for (const stocks of days) {
    const column = (name) => stocks.map((stock) => stock[name]);
    await warehouse.query(
      'insert into sessions select * from unnest($1::text[], $2::date[], $3::float8[])',
      ['symbol', 'day', 'overnight'].map(column),
    );
    await warehouse.query(
      'insert into closes select * from unnest($1::text[], $2::date[], $3::float8[])',
      ['symbol', 'day', 'close'].map(column),
    );
  }
  await until(
    warehouse,
    `select from millrace.metrics where pipeline = 'next_price' and period = 'all' and metric = 'mae' and examples = ${SESSIONS * SYMBOLS.length}`,
  );
}

/** Errors as a share of the price, beside what was possible; how many closes fell between the bounds, 1 and 5 sessions ahead. */
async function report(warehouse) {
  const { rows: metrics } = await warehouse.query(
    `select metric, value, examples::int from millrace.metrics where pipeline = 'next_price' and period = 'all'`,
  );
  const { rows } = await warehouse.query(
    `select symbol, day::text, measured_score as score, label::float8 as close, outputs,
            lead(label::float8, 4) over (partition by symbol order by day) as fifth
       from next_price_scores order by day, symbol`,
  );
  const said = rows.slice(LEARNED * SYMBOLS.length);
  const known = days.flat().slice(LEARNED * SYMBOLS.length);
  const mean = (of) => said.reduce((sum, row, n) => sum + of(row, known[n]), 0) / said.length;
  const share = (low, high, close) => {
    const ended = said.filter((row) => close(row) !== null);
    return (
      ended.filter((row) => row.outputs[low] <= close(row) && close(row) <= row.outputs[high]).length / ended.length
    );
  };
  const errors = {
    model: mean(({ score, close }) => Math.abs(score - close) / close),
    best: mean((_, { best, close }) => Math.abs(best - close) / close),
    no_change: mean((_, { before, close }) => Math.abs(before - close) / close),
  };
  const coverage = {
    next: share('1_low', '1_high', ({ close }) => close),
    fifth: share('5_low', '5_high', ({ fifth }) => fifth),
  };
  const percent = (value) => `${(100 * value).toFixed(2)} %`;
  console.log(`${rows.length} closes forecast and learned; from the ${LEARNED + 1}st session on, in the mean\n`);
  console.log(`off by           ${percent(errors.model)}`);
  console.log(`best possible    ${percent(errors.best)}`);
  console.log(`no change        ${percent(errors.no_change)}\n`);
  console.log(
    `between the bounds that 90 % should be: ${percent(coverage.next)}, five sessions ahead ${percent(coverage.fifth)}`,
  );
  const figures = Object.fromEntries(metrics.map(({ metric, value }) => [metric, value]));
  console.log(`\n${JSON.stringify({ metrics: figures, rows: rows.length, errors, coverage })}`);
}

/** Asks again until there are rows. */
async function until(warehouse, sql) {
  for (;;) {
    const { rows } = await warehouse.query(sql);
    if (rows.length > 0) return rows;
    await sleep(100);
  }
}

function millrace(...args) {
  return spawn(process.execPath, [...process.execArgv, cli, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

async function succeeds(child) {
  const code = child.exitCode ?? (await once(child, 'exit'))[0];
  if (code !== 0) throw new Error(`millrace ended with exit code ${code}; what it said is above`);
}

/** Rejects when it ends: while it is needed it must not. */
async function ended(child) {
  const [code] = await once(child, 'exit');
  throw new Error(`millrace up ended early, with exit code ${code}`);
}

async function startPostgres() {
  const module = path.join(path.dirname(cli), 'warehouse', `local-postgres${path.extname(cli)}`);
  const { startLocalPostgres } = await import(pathToFileURL(module).href);
  // A folder of its own, as it belongs to another user where we are root.
  return startLocalPostgres({ folder: temporaryFolder(), port: 0 });
}

function temporaryFolder() {
  const made = mkdtempSync(path.join(tmpdir(), 'millrace-phishing-'));
  temporary.push(made);
  return made;
}
