// Two nets that learn to tell malignant tumours from benign ones: `neural` and `tensorflow`, both 128-256-128, in batches of 32 that
// are each learned three times. 400 of the 569 rows come with a diagnosis, the other 169 without, to be judged. Run it by
//
//   npm run build && node examples/breast-cancer/run.mjs [--brokers HOST:PORT,…] [--warehouse URL] [--data DIR] [--seed N] [--kill]
//
// Without --brokers the records go through the embedded stream; without --warehouse it starts a Postgres of its own in a folder that it
// removes afterwards. With --kill both processes are killed and started again in the middle of the training.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { MODELS, readRows, split } from './data.mjs';

const { values: flags } = parseArgs({
  options: {
    warehouse: { type: 'string' },
    brokers: { type: 'string' },
    data: { type: 'string' },
    seed: { type: 'string', default: '1' },
    kill: { type: 'boolean', default: false },
  },
});
const { names, rows } = readRows();
const { training, others } = split(rows, 1);
const PIPELINES = Object.keys(MODELS);

const TABLES = `
create table tumours (id int primary key, measured_at timestamptz not null, ${names.map((name) => `${name} float8`).join(', ')});
create table diagnoses (id int primary key, benign boolean not null);`;

const VIEWS = `
create view tumour_features as
  select id, measured_at, ${names.join(', ')}
  from tumours;
create view tumour_labels as select id, benign as label from diagnoses;`;

const pipelineOf = (name) => `
select millrace.create_pipeline('${name}', features => 'tumour_features', event_time => 'measured_at',
  labels => 'tumour_labels', model => '${JSON.stringify({ ...MODELS[name], seed: Number(flags.seed) })}');`;

/** The command line as it was built; a test may name another copy. */
const cli = path.resolve(process.env.MILLRACE_CLI ?? path.join(import.meta.dirname, '../../dist/cli.js'));
if (!existsSync(cli)) {
  console.error('Build it first: npm run build');
  process.exit(2);
}

/** Of its own each time: a group's topics outlive the database, and these pipelines must not find those of an earlier run. */
const group = `breast_cancer_${Date.now().toString(36)}${process.pid.toString(36)}`;
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
    console.log(VIEWS, ...PIPELINES.map(pipelineOf));
    await warehouse.query(TABLES + VIEWS + PIPELINES.map(pipelineOf).join(''));
    let processes = startBoth();
    await running(warehouse);
    for (const [n, row] of training.entries()) {
      await insert(warehouse, row, n);
      await warehouse.query('insert into diagnoses values ($1, $2)', [row.id, row.benign]);
      // Eight examples of the seventh batch are waiting for its others.
      if (flags.kill && n + 1 === 200) {
        for (const one of processes) one.kill('SIGKILL');
        await Promise.all(processes.map((one) => once(one, 'exit')));
        console.log('killed after 200 rows, and started again');
        processes = startBoth();
      }
    }
    for (const [n, row] of others.entries()) await insert(warehouse, row, training.length + n);
    await Promise.race([scored(warehouse), ...processes.map(ended)]);
    for (const one of processes) one.kill('SIGTERM');
    await Promise.all(processes.map(succeeds));
    await report(warehouse);
  } finally {
    await warehouse.end();
  }
}

function startBoth() {
  const stream = flags.brokers ? ['--brokers', flags.brokers] : [];
  return ['connector', 'sink'].map((name) =>
    millrace(name, '--warehouse', url, '--data', folder, '--group', group, ...stream),
  );
}

async function insert(warehouse, { id, values }, n) {
  const measuredAt = new Date(Date.parse('2026-01-01T00:00:00Z') + n * 60_000).toISOString();
  const places = values.map((_, i) => `$${i + 3}`).join(', ');
  await warehouse.query(`insert into tumours values ($1, $2, ${places})`, [id, measuredAt, ...values]);
}

async function running(warehouse) {
  const states = await until(
    warehouse,
    `select pipeline, state, reason from millrace.status
      where (select bool_and(state = 'running') or bool_or(state = 'failed') from millrace.status)`,
  );
  const failed = states.find(({ state }) => state === 'failed');
  if (failed) throw new Error(`the pipeline ${failed.pipeline} failed: ${failed.reason}`);
}

async function scored(warehouse) {
  for (const name of PIPELINES)
    await until(
      warehouse,
      `select from ${name}_scores where label is null having count(score) = ${others.length}
        and (select max(examples) from millrace.metrics where pipeline = '${name}' and period = 'all') = ${training.length}`,
    );
}

/** Of the rows that no diagnosis was given for: how many are judged right. And the model as it was last saved. */
async function report(warehouse) {
  const truth = new Map(others.map(({ id, benign }) => [id, benign]));
  const figures = {};
  for (const name of PIPELINES) {
    const { rows: judged } = await warehouse.query(
      `select id, prediction::boolean as benign from ${name}_scores where label is null order by id`,
    );
    const right = judged.filter(({ id, benign }) => truth.get(id) === benign).length;
    const { rows: versions } = await warehouse.query(
      `select version::int, examples::int, reason from millrace.models where pipeline = $1 order by version`,
      [name],
    );
    figures[name] = { judged: judged.length, accuracy: right / judged.length, versions: versions.length };
    const last = versions.at(-1);
    console.log(
      `${name.padEnd(24)} ${judged.length} judged, accuracy ${figures[name].accuracy.toFixed(4)}; ` +
        `${versions.length} versions saved, the last after ${last?.examples} examples`,
    );
  }
  console.log(`\n${JSON.stringify(figures)}`);
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
  const code = child.exitCode ?? (await once(child, 'exit'))[0];
  throw new Error(`millrace ended early, with exit code ${code}`);
}

async function startPostgres() {
  const module = path.join(path.dirname(cli), 'warehouse', `local-postgres${path.extname(cli)}`);
  const { startLocalPostgres } = await import(pathToFileURL(module).href);
  // A folder of its own, as it belongs to another user where we are root.
  return startLocalPostgres({ folder: temporaryFolder(), port: 0 });
}

function temporaryFolder() {
  const made = mkdtempSync(path.join(tmpdir(), 'millrace-breast-cancer-'));
  temporary.push(made);
  return made;
}
