// All of it on one machine: a backlog in the WAL of a million demo payments with their chargebacks, from `millrace up` to the last
// score written and the last label learned. Beside the rate, where the processors' time went.

import { Player } from '../src/commands/demo/player.ts';
import { DEMO } from '../src/commands/demo/payments.ts';
import { openPaymentsWarehouse, succeeded, type PaymentsWarehouse } from './payments-warehouse.ts';
import { commandLine, processTimes } from './processor-time.ts';
import type { Figure } from './figure.ts';

const PAYMENTS = Number(process.env['MILLRACE_BENCH_PAYMENTS'] ?? 1_000_000);
const DAYS = 100;
const TRANSACTION = 1_000;

export async function measure(): Promise<readonly Figure[]> {
  await using warehouse = await openPaymentsWarehouse();
  const { client } = warehouse;
  // The slot and the pipeline are there before the first row: all of it comes through the WAL.
  await succeeded(warehouse.millrace('up', '--until-caught-up'));
  const player = new Player(client, { ...DEMO, days: DAYS, paymentsPerDay: Math.ceil(PAYMENTS / DAYS) });
  await player.playUntil(Infinity, TRANSACTION);
  for (const sql of ['vacuum analyze payments', 'vacuum analyze chargebacks', 'checkpoint']) await client.query(sql);

  const usage = new Usage(warehouse);
  await usage.sample();
  const started = performance.now();
  const up = warehouse.millrace('up', '--until-caught-up');
  const ended = succeeded(up);
  const stop = new AbortController();
  const sampling = usage.follow(up.pid!, stop.signal);
  await ended.finally(() => stop.abort());
  const seconds = (performance.now() - started) / 1_000;
  await sampling;
  await usage.sample();
  await check(warehouse, player.payments);
  const millions = player.payments / 1e6;
  return [
    { name: 'end to end', value: player.payments / seconds, unit: 'rows/s' },
    {
      name: 'end to end, the connector alone',
      value: player.payments / usage.connectorSeconds(started),
      unit: 'rows/s',
    },
    ...usage.shares().map(([name, cpu]) => ({
      name: `end to end, ${name}`,
      value: cpu / millions,
      unit: 'CPU-s per million rows',
    })),
    { name: 'end to end, both processors', value: usage.total / (2 * seconds), unit: 'share of two cores' },
  ];
}

/** A fast wrong answer is no figure: every payment must stand scored, every label that came or fell due must be learned. */
async function check({ client }: PaymentsWarehouse, payments: number): Promise<void> {
  const { rows } = await client.query<{ scored: number; labelled: number; learned: number }>(
    `select count(score)::int as scored, count(label)::int as labelled,
            (select examples::int from millrace.metrics where period = 'all' and metric = 'accuracy') as learned
       from fraud_scores`,
  );
  const { scored, labelled, learned } = rows[0]!;
  if (scored !== payments) throw new Error(`${payments} payments, but ${scored} are scored`);
  if (learned !== labelled) throw new Error(`${labelled} are labelled, but ${learned} are learned`);
  console.error(`${payments} payments scored, ${learned} labels learned`);
}

/** Seconds of processor time, by what spent them. */
class Usage {
  readonly #warehouse: PaymentsWarehouse;
  readonly #spent = new Map<number, { name: string; seconds: number }>();
  readonly #before = new Map<number, number>();
  #postgresBefore: number | undefined;
  #postgres = 0;
  #connectorEndedMs = 0;

  constructor(warehouse: PaymentsWarehouse) {
    this.#warehouse = warehouse;
  }

  /** Looks ten times a second; what a process spends after the last look at it is missed. */
  async follow(up: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.sample(up);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async sample(up?: number): Promise<void> {
    const { server, client } = this.#warehouse;
    const sessions = await client.query<{ pid: number; name: string }>(
      `select pid, case when backend_type = 'walsender' then 'Postgres, decoding the WAL'
                        when application_name like 'millrace sink%' then 'Postgres, for the sink'
                        when application_name like 'millrace connector%' then 'Postgres, for the connector' end as name
         from pg_stat_activity where application_name like 'millrace%'`,
    );
    const names = new Map(sessions.rows.map(({ pid, name }) => [pid, name]));
    const all = processTimes();
    let postgres = 0;
    let connector = false;
    for (const { pid, parent, own, ended } of all) {
      if (pid === server.pid) postgres += own + ended;
      if (parent === server.pid) postgres += own;
      let name = names.get(pid);
      // One that is ending has no command line any more.
      if (up !== undefined && parent === up) name = / (connector|sink) /.exec(commandLine(pid))?.[1];
      connector ||= name === 'connector';
      if (name !== undefined) this.#spend(pid, name, own);
    }
    if (connector) this.#connectorEndedMs = performance.now();
    this.#postgresBefore ??= postgres;
    this.#postgres = postgres - this.#postgresBefore;
  }

  #spend(pid: number, name: string, own: number): void {
    // A process that was there at the first sample counts from there.
    if (this.#postgresBefore === undefined) this.#before.set(pid, own);
    this.#spent.set(pid, { name, seconds: own - (this.#before.get(pid) ?? 0) });
  }

  connectorSeconds(startedMs: number): number {
    return (this.#connectorEndedMs - startedMs) / 1_000;
  }

  shares(): [name: string, seconds: number][] {
    const byName = new Map<string, number>();
    for (const { name, seconds } of this.#spent.values()) byName.set(name, (byName.get(name) ?? 0) + seconds);
    const known = [...byName].filter(([name]) => name.startsWith('Postgres')).reduce((sum, [, one]) => sum + one, 0);
    return [...byName, ['Postgres, its other processes', Math.max(0, this.#postgres - known)]];
  }

  get total(): number {
    return this.shares().reduce((sum, [, seconds]) => sum + seconds, 0);
  }
}
