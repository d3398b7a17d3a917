// `millrace demo`: a Postgres of its own, sixty days of card payments, a live fraud model on top of them, and further days played
// while connector and sink run. Everything is in one folder.

import { mkdirSync, rmSync, appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import pc from 'picocolors';
import { migrate } from '../catalog/migrate.ts';
import { MillraceError } from '../runtime/errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { formatCount } from '../terminal/numbers.ts';
import { Screen, terminalWidth, wrap } from '../terminal/screen.ts';
import { connect } from '../warehouse/connection.ts';
import { freePort, startLocalPostgres } from '../warehouse/local-postgres.ts';
import { drawDashboard, drawQuality, look, type Snapshot } from './demo/dashboard.ts';
import { DEMO } from './demo/payments.ts';
import { Player } from './demo/player.ts';
import { FEATURES, LABELS, PIPELINE, QUERIES, TABLES } from './demo/schema.ts';
import { EXIT } from './exit.ts';
import type { CommonFlags } from './flags.ts';
import { listenForSignals } from './signals.ts';
import type { Supervised } from './supervise.ts';
import { runBoth } from './up.ts';

export type Flags = CommonFlags & { readonly clean?: boolean; readonly speed: number };

const DAY_MS = 86_400_000;

export async function runDemo(flags: Flags): Promise<void> {
  const folder = path.resolve(flags.data, 'demo');
  if (flags.clean) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  using signals = listenForSignals(() => say('Stopping …'));
  say(pc.bold('Millrace demo'), pc.dim(`everything is in ${folder}`));
  const port = await rememberedPort(folder);
  await using server = await startLocalPostgres({
    folder: path.join(folder, 'postgres'),
    port,
    settings: { fsync: 'off' },
  });
  done(`Postgres ${server.version} on 127.0.0.1:${server.port}`);
  const client = await connect({ url: server.url, applicationName: 'millrace demo' });
  try {
    const player = await setUp(client, server.url);
    if (!signals.drain.aborted) await play({ ...flags, data: folder, warehouse: server.url }, client, player, signals);
  } finally {
    await client.end();
  }
}

/** Tables, history, views and pipeline, unless an earlier run made them. */
async function setUp(client: pg.Client, url: string): Promise<Player> {
  const days = DEMO.historyDays + DEMO.liveDays;
  const player = new Player(client, { ...DEMO, days });
  await migrateDemo(url);
  const found = await client.query<{ ready: boolean }>(
    `select to_regclass('public.fraud_scores') is not null as ready`,
  );
  if (found.rows[0]!.ready) {
    await player.skipPlayed();
    done('going on from where the last demo stopped (--clean starts over)');
    return player;
  }
  await client.query('set search_path to public');
  await client.query('drop table if exists public.payments, public.chargebacks cascade');
  await client.query(TABLES);
  await player.playUntil(Date.parse(`${DEMO.firstDay}T00:00:00Z`) + DEMO.historyDays * DAY_MS, 2000);
  done(
    `${DEMO.historyDays} days of history: ${formatCount(player.payments)} payments, ${formatCount(player.chargebacks)} chargebacks`,
  );
  say(
    '',
    pc.dim('-- the transform is a view; so is the label; one call makes them a live model'),
    FEATURES,
    '',
    LABELS,
    '',
    PIPELINE,
    '',
  );
  await client.query(FEATURES);
  await client.query(LABELS);
  await client.query(PIPELINE);
  await client.query('reset search_path');
  done('pipeline fraud created');
  return player;
}

/** A folder that another version made can only be started over: nothing in it is worth more. */
async function migrateDemo(url: string): Promise<void> {
  try {
    await migrate({ url });
  } catch (error) {
    if (!(error instanceof MillraceError) || !error.code.startsWith('SCHEMA_')) throw error;
    throw new MillraceError(error.code, `another version of Millrace made this demo: ${error.message}`, {
      hint: 'Start it over with --clean: npm run demo -- --clean.',
      cause: error,
    });
  }
}

async function play(
  flags: Flags,
  client: pg.Client,
  player: Player,
  signals: ReturnType<typeof listenForSignals>,
): Promise<void> {
  const log = path.join(flags.data, 'millrace.log');
  let children: readonly Supervised[] = [];
  const { untilCaughtUp, ...others } = flags;
  const running = runBoth(
    others,
    signals,
    (chunk) => appendFileSync(log, chunk),
    (started) => (children = started),
  );
  running.catch(() => {});
  done(`connector and sink started (their log: ${log})`);
  say('');
  const ended = new AbortController();
  const stop = AbortSignal.any([signals.drain, ended.signal]);
  void running.then(
    () => ended.abort(),
    () => ended.abort(),
  );
  const watching = watch(client, player, flags, stop);
  const second = await connect({ url: flags.warehouse!, applicationName: 'millrace demo player' });
  const playing = new Player(second, { ...DEMO, days: untilCaughtUp ? DEMO.historyDays + DEMO.liveDays : 10_000 });
  try {
    await playing.skipPlayed();
    await backfilled(client, stop);
    player.nowMs = playing.nowMs;
    if (untilCaughtUp) await playing.playUntil(Infinity, 50, () => (player.nowMs = playing.nowMs), stop);
    else await follow(playing, player, flags.speed, stop);
  } finally {
    await second.end();
  }
  if (untilCaughtUp && !stop.aborted) children.find((child) => child.name === 'connector')?.send({ kind: 'finish' });
  const code = await running;
  ended.abort();
  await watching;
  summary(await look(client), code);
}

/** Live days, with the dashboard's clock. */
async function follow(playing: Player, shown: Player, speed: number, stop: AbortSignal): Promise<void> {
  const live = playing.playLive(systemClock, speed, stop);
  while (!stop.aborted) {
    shown.nowMs = playing.nowMs;
    await systemClock.sleep(200, stop);
  }
  await live;
}

async function backfilled(client: pg.Client, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const { state, reason } = await look(client);
    if (state === 'running' || state === 'failed') return;
    if (reason !== null && state === 'degraded') say(reason);
    await systemClock.sleep(300, stop);
  }
}

async function watch(client: pg.Client, player: Player, flags: Flags, stop: AbortSignal): Promise<void> {
  const footer = howToLook(flags.warehouse!);
  using screen = new Screen(process.stdout);
  while (!stop.aborted) {
    const now = await look(client);
    const whole = footer.map((one) => wrap(one, terminalWidth(process.stdout)));
    screen.draw(process.stdout.isTTY ? drawDashboard(now, player.nowMs, whole) : line(now));
    await systemClock.sleep(process.stdout.isTTY ? 500 : 2000, stop);
  }
}

function line(now: Snapshot): string {
  const auc = (period: string): string => now.metrics.get(`${period} roc_auc`)?.value?.toFixed(3) ?? '-';
  return `${now.state} ${now.backfill} captured=${now.payments} scored=${now.scored} learned=${now.learned} auc_backfill=${auc('backfill')} auc_live=${auc('all')}`;
}

function summary(now: Snapshot, code: number): void {
  say('', pc.bold('Summary'));
  say(
    `captured ${formatCount(now.payments)} payments, scored ${formatCount(now.scored)}, learned from ${formatCount(now.learned)} labels`,
  );
  say('', drawQuality(now.metrics));
  if (now.reason !== null) say(pc.yellow(now.reason));
  if (code !== EXIT.done || now.scored < now.payments) process.exitCode = EXIT.degraded;
}

/** The same database by hand. */
function howToLook(url: string): string[] {
  return [
    `psql ${url}`,
    pc.dim('or, without psql:'),
    `npx millrace sql --warehouse ${url} '…'`,
    ...QUERIES.flatMap(({ about, sql }) => [pc.dim(`-- ${about}`), `${sql};`]),
    pc.dim('Ctrl-C ends it.'),
  ];
}

/** The same port as last time, so that a psql line that was noted stays true. */
async function rememberedPort(folder: string): Promise<number> {
  const file = path.join(folder, 'port');
  if (!existsSync(file)) writeFileSync(file, String(await freePort()));
  return Number(readFileSync(file, 'utf8'));
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

function done(what: string): void {
  say(`${pc.green('✓')} ${what}`);
}
