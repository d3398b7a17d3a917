// Learns live which customer will click on which product: impressions come in batches, what became of them in the next
// transaction. Two models see the same view, one of them linear; and because the shop is generated, the best that any model could
// reach is known. Run it by
//
//   npm run build && node examples/recommendations/run.mjs [--warehouse URL] [--brokers HOST:PORT,…] [--data DIR]
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
import { ITEMS, rocAuc, Shop } from './shop.mjs';

const TABLES = `
create table impressions (
  impression int primary key, shown_at timestamptz not null, user_id int not null, item_id int not null, place text not null,
  candidate boolean not null default false    -- not shown yet: only to be scored
);
create table outcomes (impression int primary key, clicked boolean not null);`;

const FEATURES = `
create view impression_features as
  select impression, shown_at, user_id, item_id, place,
         count(*) filter (where not candidate) over last_hour + case when candidate then 1 else 0 end as shown_1h
  from impressions
  window last_hour as (partition by user_id order by shown_at
                       range between '1 hour' preceding and current row);`;

const LABELS = `
create view impression_labels as select impression, clicked as label from outcomes;`;

const CATEGORIES = '"features": {"user_id": {"as": "category"}, "item_id": {"as": "category"}}';

const PIPELINES = `
select millrace.create_pipeline('clicks', features => 'impression_features', event_time => 'shown_at', labels => 'impression_labels',
  model => '{"kind": "factorization", "l2_factors": 0.02, "encode": {${CATEGORIES}}}');
select millrace.create_pipeline('linear_clicks', features => 'impression_features', event_time => 'shown_at', labels => 'impression_labels',
  model => '{"kind": "logistic", "optimizer": {"name": "adagrad", "lr": 0.2},
             "encode": {"categories": "hashing", "dimensions": 4096, ${CATEGORIES}}}');`;

const NAMES = ['clicks', 'linear_clicks'];
const IMPRESSIONS = 20_000;
/** Impressions a transaction: a model scores them with what it has learned of those before. */
const BATCH = 200;
/** Users that all items are scored for at the end. */
const ASKING = 20;
/** Items that each of them is recommended. */
const TOP = 10;

const { values: flags } = parseArgs({
  options: { warehouse: { type: 'string' }, brokers: { type: 'string' }, data: { type: 'string' } },
});
/** The command line as it was built; a test may name another copy. */
const cli = path.resolve(process.env.MILLRACE_CLI ?? path.join(import.meta.dirname, '../../dist/cli.js'));
if (!existsSync(cli)) {
  console.error('Build it first: npm run build');
  process.exit(2);
}

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
  const shop = new Shop();
  const shown = Array.from({ length: IMPRESSIONS }, () => shop.next());
  try {
    console.log(FEATURES, LABELS, PIPELINES);
    await warehouse.query(TABLES + FEATURES + LABELS + PIPELINES);
    const stream = flags.brokers ? ['--brokers', flags.brokers] : [];
    const up = millrace('up', '--warehouse', url, '--data', folder, ...stream);
    await Promise.race([play(warehouse, shown), ended(up)]);
    up.kill('SIGTERM');
    await succeeds(up);
    await report(warehouse, shop, shown);
  } finally {
    await warehouse.end();
  }
}

/** Impressions are a transaction, and what became of them another, before the next come; at the end candidates, which nothing becomes of. */
async function play(warehouse, shown) {
  for (const name of NAMES) {
    const [{ state, reason }] = await until(
      warehouse,
      `select state, reason from millrace.status where pipeline = '${name}' and state in ('running', 'failed')`,
    );
    if (state === 'failed') throw new Error(`the pipeline ${name} failed: ${reason}`);
  }
  for (let from = 0; from < shown.length; from += BATCH) {
    const batch = shown.slice(from, from + BATCH);
    await insert(warehouse, batch, false);
    await warehouse.query('insert into outcomes select * from unnest($1::int[], $2::boolean[])', [
      batch.map((one) => one.impression),
      batch.map((one) => one.clicked),
    ]);
  }
  for (const name of NAMES)
    await until(
      warehouse,
      `select from millrace.metrics where pipeline = '${name}' and period = 'all' and metric = 'accuracy' and examples = ${shown.length}`,
    );
  await insert(warehouse, candidates(shown), true);
  for (const name of NAMES)
    await until(warehouse, `select from ${name}_scores having count(*) = ${shown.length + ASKING * ITEMS}`);
}

function insert(warehouse, rows, candidate) {
  return warehouse.query(
    `insert into impressions
       select i, shown_at, user_id, item_id, place, $6
         from unnest($1::int[], $2::timestamptz[], $3::int[], $4::int[], $5::text[]) t (i, shown_at, user_id, item_id, place)`,
    [...['impression', 'shownAt', 'user', 'item', 'place'].map((name) => rows.map((row) => row[name])), candidate],
  );
}

/** Each item for some of the users, a day after the last impression. */
function candidates(shown) {
  const shownAt = new Date(Date.parse(shown.at(-1).shownAt) + 86_400_000).toISOString();
  return Array.from({ length: ASKING * ITEMS }, (_, k) => ({
    impression: shown.length + 1 + k,
    shownAt,
    user: Math.floor(k / ITEMS),
    item: k % ITEMS,
    place: 'home',
  }));
}

async function report(warehouse, shop, shown) {
  const last = shown.slice(-shown.length / 4);
  const clicked = last.map((one) => one.clicked);
  const figures = { impressions: shown.length, roc_auc: {}, clicks: {} };
  for (const name of NAMES) {
    const { rows } = await warehouse.query(
      `select measured_score from ${name}_scores where impression between $1 and $2 order by impression`,
      [last[0].impression, shown.length],
    );
    figures.roc_auc[name] = rocAuc(
      rows.map((row) => row.measured_score),
      clicked,
    );
    const best = await warehouse.query(
      `select c.user_id, c.item_id from (
         select i.user_id, i.item_id, rank() over (partition by i.user_id order by s.score desc, i.item_id) as place
           from impressions i join ${name}_scores s using (impression) where i.candidate) c
        where c.place <= ${TOP}`,
    );
    figures.clicks[name] = meanChance(
      shop,
      best.rows.map((row) => ({ user: row.user_id, item: row.item_id })),
    );
  }
  figures.roc_auc.best = rocAuc(
    last.map((one) => one.probability),
    clicked,
  );
  const all = candidates(shown);
  figures.clicks.any = meanChance(shop, all);
  figures.clicks.best = meanChance(
    shop,
    Array.from({ length: ASKING }, (_, user) =>
      all
        .filter((one) => one.user === user)
        .sort((a, b) => chance(shop, b) - chance(shop, a))
        .slice(0, TOP),
    ).flat(),
  );
  const line = (name, ...cells) => console.log(name.padEnd(42) + cells.map((cell) => cell.padStart(12)).join(''));
  const show = (of, constant) => [of.clicks, of.linear_clicks, constant, of.best].map((value) => value.toFixed(4));
  line('', 'factorization', 'linear', 'constant', 'the truth');
  line(`ROC AUC of the last ${last.length} impressions`, ...show(figures.roc_auc, 0.5));
  line(`clicks an item, of the ${TOP} best for a user`, ...show(figures.clicks, figures.clicks.any));
  console.log(`\n${JSON.stringify(figures)}`);
}

function chance(shop, { user, item }) {
  return shop.probability({ user, item, place: 'home', shownLately: 1 });
}

function meanChance(shop, list) {
  return list.reduce((sum, one) => sum + chance(shop, one), 0) / list.length;
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
  const made = mkdtempSync(path.join(tmpdir(), 'millrace-recommendations-'));
  temporary.push(made);
  return made;
}
