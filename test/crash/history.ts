// A seeded history of card payments in mixed transactions: payments (some late, some after their chargeback), corrections,
// deletions, chargebacks, and chargebacks that are changed or withdrawn. The same seed gives the same statements.

import pg from 'pg';
import { paymentEvents, type Chargeback, type Payment } from '../../src/commands/demo/payments.ts';

/** What one transaction says of a row: its columns that matter to labels, or that it is gone. */
export interface PaymentChange {
  readonly id: number;
  /** Event time after the change, microseconds since 1970 UTC; undefined where the row was deleted. */
  readonly createdUs: number | undefined;
  /** Customer after the change. */
  readonly customerId: number;
}

export interface LabelChange {
  readonly paymentId: number;
  /** undefined: withdrawn. */
  readonly fraud: boolean | undefined;
}

export interface HistoryTransaction {
  /** Statements for one simple query, which Postgres runs as one transaction. */
  readonly sql: string;
  /** Each payment at most once. */
  readonly payments: readonly PaymentChange[];
  /** Each key at most once. */
  readonly labels: readonly LabelChange[];
}

export interface HistoryOptions {
  readonly seed: number;
  readonly days: number;
  readonly paymentsPerDay: number;
}

export const SCHEMA = `
  create table payments (
    id bigint primary key, customer_id int not null, merchant_id int not null, category text not null, amount numeric(12,2),
    currency text, country text, channel text not null, created_at timestamptz not null);
  create index on payments (customer_id);
  create table chargebacks (id bigint primary key, payment_id bigint not null unique, fraud boolean not null, created_at timestamptz not null);
  create view fraud_features as
    select id, created_at, customer_id,
           coalesce(amount, 0)                                            as amount,
           coalesce(lower(trim(currency)), 'unknown')                     as currency,
           category, channel,
           extract(hour from created_at at time zone 'UTC')               as hour,
           country is null                                                as country_missing,
           count(*)    over last_hour                                     as payments_1h,
           sum(amount) over last_hour                                     as spent_1h,
           amount / nullif(avg(amount) over last_week, 0)                 as amount_vs_usual,
           max(amount) over last_day                                      as largest_24h,
           extract(epoch from created_at - lag(created_at) over in_order) as seconds_since_last
    from payments
    window in_order  as (partition by customer_id order by created_at, id),
           last_hour as (partition by customer_id order by created_at range between '1 hour' preceding and current row),
           last_day  as (partition by customer_id order by created_at range between '1 day' preceding and current row),
           last_week as (partition by customer_id order by created_at range between '7 days' preceding and current row);
  create view fraud_labels as select payment_id as id, fraud as label, created_at as label_at from chargebacks;`;

export const LABEL_WAIT_US = 2 * 86_400_000_000;

/** Versions are saved often, so that kills fall between them. */
export const PIPELINE = `select millrace.create_pipeline('fraud', features => 'fraud_features', key => 'id', event_time => 'created_at',
  labels => 'fraud_labels', label_wait => '2 days', label_default => 'false', clock => 'event_time',
  model => '{"kind": "logistic", "save_every": 500}', alert_when => 'score > 0.5')`;

interface KnownPayment {
  readonly id: number;
  readonly customerId: number;
  readonly amount: string | null;
  readonly atMs: number;
}

/** Corrections reach so many payments back: within the hour or so, where frames still see them. */
const RECENT = 150;

export function makeHistory(options: HistoryOptions): HistoryTransaction[] {
  const history = new History(options.seed);
  const events = paymentEvents({ ...options, firstDay: '2025-01-01', driftDay: Math.floor(options.days / 2) });
  for (const event of events) {
    if (event.payment) history.payment(event.payment, event.atMs);
    else history.chargeback(event.chargeback, event.atMs);
  }
  return history.finish();
}

class History {
  readonly #random: () => number;
  readonly #transactions: HistoryTransaction[] = [];
  #recent: KnownPayment[] = [];
  /** Payments that come some transactions after they happened. */
  #late: { readonly payment: Payment; readonly atMs: number; readonly at: number }[] = [];
  /** By payment: the id of its chargeback and what it says. */
  readonly #charged = new Map<number, { readonly id: number; readonly fraud: boolean }>();
  #open: number[] = [];
  #statements: string[] = [];
  #payments = new Map<number, PaymentChange>();
  #labels = new Map<number, LabelChange>();
  #room = 1;
  #chargebacks = 1_000_000;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  payment(payment: Payment, atMs: number): void {
    const dice = this.#random();
    if (dice < 0.03) {
      // The answer is there before the question: a label whose row is still to come.
      if (dice < 0.01) this.#charge(payment.id, atMs, dice < 0.006);
      this.#late.push({ payment, atMs, at: this.#transactions.length + 1 + Math.floor(this.#random() * 12) });
    } else this.#insert(payment, atMs);
    this.#mend(atMs);
  }

  chargeback(chargeback: Chargeback, atMs: number): void {
    if (!this.#charged.has(chargeback.paymentId)) this.#charge(chargeback.paymentId, atMs, true);
    this.#fill();
  }

  finish(): HistoryTransaction[] {
    for (const { payment, atMs } of this.#late.splice(0)) this.#insert(payment, atMs);
    this.#commit();
    return this.#transactions;
  }

  #insert(payment: Payment, atMs: number): void {
    const { id, customerId, amount } = payment;
    const values = [
      id,
      customerId,
      payment.merchantId,
      text(payment.category),
      amount ?? 'null',
      text(payment.currency),
      text(payment.country),
      text(payment.channel),
      time(atMs),
    ];
    this.#statements.push(`insert into payments values (${values.join(', ')})`);
    this.#know({ id, customerId, amount, atMs });
    this.#fill();
  }

  /** Now and then a recent payment is corrected or removed, or a chargeback changes its mind. */
  #mend(atMs: number): void {
    const dice = this.#random();
    if (dice < 0.06 && this.#recent.length > 0) {
      const index = Math.floor(this.#random() * this.#recent.length);
      const { id, customerId, amount, atMs: wasAtMs } = this.#recent[index]!;
      // A row that this transaction has touched is let be: what it changes is then certainly a change.
      if (this.#payments.has(id)) return;
      if (dice < 0.03) {
        const corrected = amount === null ? '12.34' : (Number(amount) + 1 + Math.floor(this.#random() * 50)).toFixed(2);
        this.#statements.push(`update payments set amount = ${corrected} where id = ${id}`);
        this.#recent[index] = { id, customerId, amount: corrected, atMs: wasAtMs };
      } else if (dice < 0.04) {
        const other = (customerId + 1 + Math.floor(this.#random() * 20)) % 1500;
        this.#statements.push(`update payments set customer_id = ${other} where id = ${id}`);
        this.#recent[index] = { id, customerId: other, amount, atMs: wasAtMs };
      } else if (dice < 0.05) {
        const earlier = wasAtMs - 1000 * (1 + Math.floor(this.#random() * 1800));
        this.#statements.push(`update payments set created_at = ${time(earlier)} where id = ${id}`);
        this.#recent[index] = { id, customerId, amount, atMs: earlier };
      } else {
        this.#statements.push(`delete from payments where id = ${id}`);
        this.#payments.set(id, { id, createdUs: undefined, customerId });
        this.#recent.splice(index, 1);
        this.#fill();
        return;
      }
      const now = this.#recent[index]!;
      this.#payments.set(id, { id, createdUs: now.atMs * 1000, customerId: now.customerId });
      this.#fill();
    } else if (dice > 0.985 && this.#open.length > 0) {
      const [paymentId] = this.#open.splice(Math.floor(this.#random() * this.#open.length), 1) as [number];
      if (this.#labels.has(paymentId)) return;
      const known = this.#charged.get(paymentId)!;
      if (dice > 0.993) {
        this.#statements.push(`delete from chargebacks where id = ${known.id}`);
        this.#labels.set(paymentId, { paymentId, fraud: undefined });
      } else {
        this.#statements.push(
          `update chargebacks set fraud = ${!known.fraud}, created_at = ${time(atMs)} where id = ${known.id}`,
        );
        this.#charged.set(paymentId, { id: known.id, fraud: !known.fraud });
        this.#labels.set(paymentId, { paymentId, fraud: !known.fraud });
      }
      this.#fill();
    }
  }

  #charge(paymentId: number, atMs: number, fraud: boolean): void {
    const id = (this.#chargebacks += 1);
    this.#statements.push(`insert into chargebacks values (${id}, ${paymentId}, ${fraud}, ${time(atMs)})`);
    this.#charged.set(paymentId, { id, fraud });
    this.#labels.set(paymentId, { paymentId, fraud });
    this.#open.push(paymentId);
  }

  #know(payment: KnownPayment): void {
    this.#payments.set(payment.id, {
      id: payment.id,
      createdUs: payment.atMs * 1000,
      customerId: payment.customerId,
    });
    this.#recent.push(payment);
    if (this.#recent.length > RECENT) this.#recent.shift();
  }

  /** A transaction ends when it is as large as was drawn. */
  #fill(): void {
    if (this.#statements.length < this.#room) return;
    this.#commit();
    const due = this.#late.filter(({ at }) => at <= this.#transactions.length);
    if (due.length === 0) return;
    this.#late = this.#late.filter(({ at }) => at > this.#transactions.length);
    for (const { payment, atMs } of due) this.#insert(payment, atMs);
  }

  #commit(): void {
    this.#room = 1 + Math.floor(20 * this.#random() ** 2);
    if (this.#statements.length === 0) return;
    this.#transactions.push({
      sql: this.#statements.join(';\n'),
      payments: [...this.#payments.values()],
      labels: [...this.#labels.values()],
    });
    this.#statements = [];
    this.#payments = new Map();
    this.#labels = new Map();
  }
}

/** Uniform in [0, 1); T. Ettinger's mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const text = (value: string | null): string => (value === null ? 'null' : pg.escapeLiteral(value));
const time = (atMs: number): string => `'${new Date(atMs).toISOString()}'`;
