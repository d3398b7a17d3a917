// What the shop's owner does: transactions over payments and chargebacks, and commands for the pipelines.

import type { PipelineDefinition, RetrainCommand } from '../../src/flow/pipeline.ts';
import type { MemoryWarehouse, Write } from './memory-warehouse.ts';
import { ALERTS, CHARGEBACKS, PAYMENTS } from './pipelines.ts';
import type { Scheduler } from './scheduler.ts';

/** As Postgres prints a timestamptz in UTC. */
export function timestampText(us: number): string {
  const seconds = new Date(Math.floor(us / 1_000_000) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const fraction = String(us % 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${seconds}${fraction === '' ? '' : `.${fraction}`}+00`;
}

/** Writes of the owner. Ids are few, so that rows meet. */
export class Shop {
  readonly #scheduler: Scheduler;
  readonly #warehouse: MemoryWarehouse;
  #nextPayment = 1;
  #nextChargeback = 1;

  constructor(scheduler: Scheduler, warehouse: MemoryWarehouse) {
    this.#scheduler = scheduler;
    this.#warehouse = warehouse;
  }

  transaction(): void {
    this.#warehouse.commit(this.#statements(this.#scheduler.between(1, 4)));
  }

  /** A command for one of the pipelines that are defined, perhaps in one transaction with rows. */
  command(ids: readonly number[]): void {
    const before = this.#warehouse.definition(this.#scheduler.pick(ids));
    if (before === undefined || before.desired === 'dropped') return;
    const { retrain, ...rest } = { ...before, ...changeOf(this.#scheduler, before) };
    const rows = this.#statements(this.#scheduler.pick([0, 0, 3]));
    const after = { ...rest, ...(retrain === undefined ? {} : { retrain }), revision: before.revision + 1 };
    this.#warehouse.define(after, rows);
  }

  #statements(count: number): Write[] {
    return Array.from({ length: count }, () => this.#statement()).flat();
  }

  #statement(): Write[] {
    const { random } = this.#scheduler;
    const roll = random();
    if (roll < 0.4) return [this.#payment(String(this.#nextPayment++))];
    if (roll < 0.55) return this.#update();
    if (roll < 0.62) return this.#some(PAYMENTS).map((cells) => ({ table: PAYMENTS, gone: { id: cells['id']! } }));
    if (roll < 0.64) return this.#move();
    if (roll < 0.86) return [this.#chargeback(String(this.#nextChargeback++))];
    if (roll < 0.9) return this.#some(CHARGEBACKS).map((cells) => this.#chargeback(cells['id']!));
    if (roll < 0.96)
      return this.#some(CHARGEBACKS).map((cells) => ({ table: CHARGEBACKS, gone: { id: cells['id']! } }));
    if (roll < 0.965) return [{ table: PAYMENTS, truncate: true }];
    if (roll < 0.967) return [{ table: CHARGEBACKS, truncate: true }];
    return this.#update();
  }

  #payment(id: string): Write {
    return { table: PAYMENTS, cells: { id, ...this.#cells() } };
  }

  #cells(): Record<string, string | null> {
    const scheduler = this.#scheduler;
    const orNull = (value: string, chance = 0.1): string | null => (scheduler.chance(chance) ? null : value);
    const back = scheduler.chance(0.2) ? scheduler.between(0, 30_000_000) : scheduler.between(0, 2_000);
    const createdUs = scheduler.nowUs - (scheduler.chance(0.03) ? -60_000_000 : back);
    return {
      customer_id: orNull(String(scheduler.between(1, 3)), 0.05),
      amount: orNull((scheduler.between(0, 9000) / 100).toFixed(2)),
      quantity: orNull(String(scheduler.between(0, 6))),
      currency: orNull(scheduler.pick(['EUR', 'USD', 'GBP'])),
      created_at: orNull(timestampText(createdUs), 0.03),
      fraud: orNull(scheduler.chance(0.4) ? 't' : 'f', 0.6),
    };
  }

  /** Some columns of a row: perhaps to what they are. */
  #update(): Write[] {
    return this.#some(PAYMENTS).map((before) => {
      const cells = { ...before };
      for (const [name, value] of Object.entries(this.#cells())) if (this.#scheduler.chance(0.35)) cells[name] = value;
      return { table: PAYMENTS, cells };
    });
  }

  /** A payment gets another key. */
  #move(): Write[] {
    return this.#some(PAYMENTS).map((before) => ({
      table: PAYMENTS,
      was: { id: before['id']! },
      cells: { ...before, id: String(this.#nextPayment++) },
    }));
  }

  /** Of a payment that is there, was there, or will be. */
  #chargeback(id: string): Write {
    const scheduler = this.#scheduler;
    const payment = String(scheduler.between(Math.max(1, this.#nextPayment - 12), this.#nextPayment + 1));
    const at = scheduler.nowUs - scheduler.between(0, 5_000_000);
    const cells = {
      id,
      payment_id: scheduler.chance(0.03) ? null : payment,
      created_at: scheduler.chance(0.2) ? null : timestampText(at),
    };
    return { table: CHARGEBACKS, cells };
  }

  #some(table: typeof PAYMENTS): Record<string, string | null>[] {
    const rows = this.#warehouse.rows(table);
    return rows.length === 0 ? [] : [this.#scheduler.pick(rows)];
  }
}

/** Another model, now and then one that cannot be; or what is there is given up. */
function retrainOf(scheduler: Scheduler, before: PipelineDefinition): RetrainCommand {
  const command = before.revision + 1;
  if (before.retrain !== undefined && scheduler.chance(0.3)) return { command };
  const kind = scheduler.pick([before.model.kind, 'auto', before.name === 'amount' ? 'quantile' : 'naive_bayes']);
  const options = scheduler.pick([{}, { save_every: 4 }, { update: 'on_arrival' }, { l22: 1 }]);
  const patience = scheduler.between(1, 8);
  return { command, train: { model: { kind, ...options }, examples: scheduler.pick([3, 1_000]), patience } };
}

type Change = Partial<Omit<PipelineDefinition, 'retrain'>> & { readonly retrain?: RetrainCommand | undefined };

function changeOf(scheduler: Scheduler, before: PipelineDefinition): Change {
  const roll = scheduler.random();
  if (before.desired === 'paused' && roll < 0.42) return { desired: 'running' };
  if (roll < 0.35) return { desired: 'paused' };
  // Commands were the former generation's.
  if (roll < 0.5) return { generation: before.generation + 1, retrain: undefined };
  if (roll < 0.53) return { desired: 'dropped' };
  if (roll < 0.75) return { retrain: retrainOf(scheduler, before) };
  if (before.name !== 'fraud') return { model: { ...before.model, save_every: scheduler.between(2, 9) } };
  return scheduler.pick<() => Partial<PipelineDefinition>>([
    () => ({ alertWhen: scheduler.pick([undefined, ...ALERTS]) }),
    () => ({ labelWaitUs: scheduler.between(5, 40) * 1_000_000 }),
    () => ({ labelDefault: scheduler.pick([undefined, 'false']) }),
    () => ({ model: { ...before.model, save_every: scheduler.between(2, 9) } }),
  ])();
}
