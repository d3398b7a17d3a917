// Puts the demo's payments into the warehouse: the history at once, then further days as if they happened now, only faster.

import type pg from 'pg';
import type { Clock } from '../../runtime/clock.ts';
import { paymentEvents, type PaymentEvent, type PaymentOptions } from './payments.ts';

export class Player {
  readonly #client: pg.Client;
  readonly #events: Iterator<PaymentEvent>;
  #next: IteratorResult<PaymentEvent>;
  /** Time of the last event played, milliseconds since 1970 UTC. */
  nowMs: number;
  payments = 0;
  chargebacks = 0;

  constructor(client: pg.Client, options: PaymentOptions) {
    this.#client = client;
    this.#events = paymentEvents(options);
    this.#next = this.#events.next();
    this.nowMs = Date.parse(`${options.firstDay}T00:00:00Z`);
  }

  get done(): boolean {
    return this.#next.done === true;
  }

  /** Passes over what an earlier run of the demo has played already. */
  async skipPlayed(): Promise<void> {
    const found = await this.#client.query<{ payments: string; chargebacks: string }>(
      'select (select count(*) from public.payments) as payments, (select count(*) from public.chargebacks) as chargebacks',
    );
    const payments = Number(found.rows[0]!.payments);
    const chargebacks = Number(found.rows[0]!.chargebacks);
    while (!this.#next.done && (this.payments < payments || this.chargebacks < chargebacks)) this.#take();
  }

  /** Everything before a time, in transactions of `size` events. */
  async playUntil(
    untilMs: number,
    size: number,
    onProgress: () => void = () => {},
    signal?: AbortSignal,
  ): Promise<void> {
    while (!signal?.aborted && !this.#next.done && this.#next.value.atMs < untilMs) {
      const batch: PaymentEvent[] = [];
      while (batch.length < size && !this.#next.done && this.#next.value.atMs < untilMs) batch.push(this.#take());
      await this.#insert(batch);
      onProgress();
    }
    this.nowMs = Math.max(this.nowMs, Math.min(untilMs, Number.MAX_SAFE_INTEGER));
  }

  /** Goes on at `speed` simulated seconds a second until stopped. */
  async playLive(clock: Clock, speed: number, signal: AbortSignal): Promise<void> {
    const startUs = clock.nowUs();
    const fromMs = this.nowMs;
    while (!signal.aborted && !this.done) {
      await this.playUntil(fromMs + ((clock.nowUs() - startUs) / 1000) * speed, 50, undefined, signal);
      await clock.sleep(100, signal);
    }
  }

  #take(): PaymentEvent {
    const event = this.#next.value as PaymentEvent;
    if (event.payment) this.payments += 1;
    else this.chargebacks += 1;
    this.nowMs = event.atMs;
    this.#next = this.#events.next();
    return event;
  }

  /** One transaction. */
  async #insert(events: readonly PaymentEvent[]): Promise<void> {
    const payments = events.flatMap(({ atMs, payment }) =>
      payment ? [{ ...payment, created_at: new Date(atMs).toISOString() }] : [],
    );
    const chargebacks = events.flatMap(({ atMs, chargeback }) =>
      chargeback ? [{ ...chargeback, created_at: new Date(atMs).toISOString() }] : [],
    );
    await this.#client.query('begin');
    await this.#client.query(
      `insert into public.payments (id, customer_id, merchant_id, category, amount, currency, country, channel, created_at)
       select id, "customerId", "merchantId", category, amount, currency, country, channel, created_at
         from json_to_recordset($1::json) as r (id bigint, "customerId" int, "merchantId" int, category text, amount numeric,
                                                currency text, country text, channel text, created_at timestamptz)`,
      [JSON.stringify(payments)],
    );
    if (chargebacks.length > 0) {
      await this.#client.query(
        `insert into public.chargebacks (id, payment_id, created_at)
         select id, "paymentId", created_at from json_to_recordset($1::json) as r (id bigint, "paymentId" bigint, created_at timestamptz)`,
        [JSON.stringify(chargebacks)],
      );
    }
    await this.#client.query('commit');
  }
}
