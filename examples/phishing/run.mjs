// Learns live which web sites are phishing: sites arrive one by one, the truth about each in a later transaction. Run it by
//
//   npm run build && node examples/phishing/run.mjs [--warehouse URL] [--brokers HOST:PORT,…] [--data DIR]
//
// Without --warehouse it starts a Postgres of its own in a folder that it removes afterwards; without --brokers the records go
// through the embedded stream.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';

const TABLES = `
create table sites (
  site int primary key, seen_at timestamptz not null,
  empty_server_form_handler float8, popup_window float8, https float8, request_from_other_domain float8,
  anchor_from_other_domain float8, is_popular float8, long_url float8, age_of_domain float8, ip_in_url float8
);
create table reports (site int primary key, is_phishing boolean not null);`;

const FEATURES = `
create view site_features as
  select site, seen_at, empty_server_form_handler, popup_window, https, request_from_other_domain,
         anchor_from_other_domain, is_popular, long_url, age_of_domain, ip_in_url
  from sites;`;

const LABELS = `
create view site_labels as select site, is_phishing as label from reports;`;

const PIPELINE = `
select millrace.create_pipeline('phishing', features => 'site_features', event_time => 'seen_at',
  labels => 'site_labels', model => '{"kind": "logistic"}');`;

/** River 0.26.1, `preprocessing.StandardScaler() | linear_model.LogisticRegression()`, progressive validation on the same rows. */
const RIVER = { accuracy: 0.8928, log_loss: 0.33 };

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

/** Each site is a transaction, and what it turned out to be another, before the next site comes. */
async function play(warehouse) {
  const [{ state, reason }] = await until(
    warehouse,
    `select state, reason from millrace.status where pipeline = 'phishing' and state in ('running', 'failed')`,
  );
  if (state === 'failed') throw new Error(`the pipeline failed: ${reason}`);
  const [, ...rows] = readFileSync(path.join(import.meta.dirname, 'phishing.csv'), 'utf8')
    .trim()
    .split(/\r?\n/);
  const firstMs = Date.parse('2026-01-01T00:00:00Z');
  for (const [index, row] of rows.entries()) {
    const cells = row.split(',');
    const seenAt = new Date(firstMs + index * 60_000).toISOString();
    await warehouse.query('insert into sites values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)', [
      index + 1,
      seenAt,
      ...cells.slice(0, -1),
    ]);
    await warehouse.query('insert into reports values ($1, $2)', [index + 1, cells.at(-1) === '1']);
  }
  await until(
    warehouse,
    `select from millrace.metrics where pipeline = 'phishing' and period = 'all' and metric = 'accuracy' and examples = ${rows.length}`,
  );
}

/** The figures twice: as Millrace kept them while it ran, and worked out here from the score table. */
async function report(warehouse) {
  const { rows: metrics } = await warehouse.query(
    `select metric, value, baseline, examples::int from millrace.metrics where pipeline = 'phishing' and period = 'all'`,
  );
  const { rows } = await warehouse.query(
    `select count(*)::int as sites,
            avg(((measured_score > 0.5) = label::boolean)::int)::float8 as accuracy,
            avg(-ln(greatest(1e-15, case when label::boolean then measured_score else 1 - measured_score end)) order by site)::float8 as log_loss
       from phishing_scores`,
  );
  const scores = rows[0];
  console.log(`${scores.sites} sites scored, ${metrics[0]?.examples} learned\n`);
  console.log('           millrace.metrics   score table    River   trivial');
  for (const name of ['accuracy', 'log_loss']) {
    const { value, baseline } = metrics.find(({ metric }) => metric === name);
    const cells = [
      value.toFixed(4).padStart(16),
      scores[name].toFixed(4).padStart(13),
      RIVER[name].toFixed(4).padStart(8),
    ];
    console.log(`${name.padEnd(11)}${cells.join(' ')}${baseline.toFixed(4).padStart(10)}`);
  }
  const figures = Object.fromEntries(metrics.map(({ metric, value }) => [metric, value]));
  console.log(`\n${JSON.stringify({ metrics: figures, scores })}`);
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
