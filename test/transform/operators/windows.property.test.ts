import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/flow/change.ts';
import type { Emission, FeaturesEmission } from '../../../src/flow/record.ts';
import { openTransform } from '../../../src/transform/operators/open-transform.ts';
import type { PipelineTransform } from '../../../src/transform/pipeline-transform.ts';
import type { PipelinePlan } from '../../../src/transform/view-plan.ts';
import { AMOUNTS, amountText, cellsOf, naiveFeatures, type Payment } from './naive-view.ts';
import { BOUNDED, definition, HOUR_ONLY, payments, paymentsPlan, UNBOUNDED } from './payments-plan.ts';

const START_US = 1_767_225_600_000_000n; // 2026-01-01
const MINUTE_US = 60_000_000n;

interface Step {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly pick: number;
  readonly customer: number | null;
  /** Minutes before the clock: 0 is on time, ties are common. */
  readonly late: number | null;
  readonly cents: number | null;
  readonly v: number | null;
  readonly ok: boolean | null;
}
interface Transaction {
  readonly steps: readonly Step[];
  /** Minutes since the one before. */
  readonly after: number;
  readonly reopen: boolean;
}

const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 8 });

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('insert', 'insert', 'insert', 'update', 'delete'),
  pick: fc.nat(1000),
  customer: nullable(fc.nat(2)),
  late: nullable(fc.constantFrom(0, 0, 0, 0, 1, 10, 60, 61, 90, 300, 3000)),
  cents: nullable(fc.integer({ min: -5000, max: 500_000 })),
  v: nullable(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -1e6, max: 1e6, noNaN: true }))),
  ok: nullable(fc.boolean()),
});
const history = (maxAfter: number, maxLength = 40): fc.Arbitrary<Transaction[]> =>
  fc.array(
    fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 4 }),
      after: fc.nat(maxAfter),
      reopen: fc.boolean(),
    }),
    { minLength: 1, maxLength, size: 'max' },
  );

/** Plays a history; says what was emitted, and what the table then held. */
class Player {
  readonly #plan: PipelinePlan;
  readonly #lateByUs: number;
  readonly #stored = new Map<string, Map<string, string>>();
  readonly table = new Map<number, Payment>();
  transform: PipelineTransform;
  #nowUs = START_US;
  #nextId = 1000;
  readonly #changedUs = new Map<number, bigint>();
  readonly #updatesGoneRows: boolean;

  /** @param updatesGoneRows rows are updated also when their state has gone, which leaves their features alone */
  constructor(plan: PipelinePlan, lateByUs: number, updatesGoneRows = true) {
    this.#updatesGoneRows = updatesGoneRows;
    this.#plan = plan;
    this.#lateByUs = lateByUs;
    this.transform = this.#open();
  }

  play(transaction: Transaction): readonly Emission[] {
    this.#nowUs += BigInt(transaction.after) * MINUTE_US;
    this.transform.begin(Number(this.#nowUs));
    for (const each of transaction.steps) {
      const change = this.#change(each);
      if (change) this.transform.apply(change);
    }
    return this.transform.finish();
  }

  reopen(): void {
    for (const { space, key, value } of this.transform.takeDirty()) {
      const entries = this.#stored.get(space) ?? new Map<string, string>();
      this.#stored.set(space, entries);
      if (value === undefined) entries.delete(key);
      else entries.set(key, value);
    }
    this.transform = this.#open();
  }

  #open(): PipelineTransform {
    // Another order than the one it was written in: state comes back in any order.
    const entries = (space: string): [string, string][] => [...(this.#stored.get(space) ?? [])].reverse();
    return openTransform({
      plan: this.#plan,
      definition: definition({ clock: 'commit', lateByUs: this.#lateByUs }),
      state: { entries },
    });
  }

  #change(each: Step): Change | undefined {
    const { relation } = payments;
    const ids = [...this.table.keys()];
    const id = each.kind === 'insert' ? this.#nextId++ : ids[each.pick % Math.max(1, ids.length)];
    if (id === undefined) return undefined;
    if (each.kind === 'delete') {
      this.table.delete(id);
      return {
        kind: 'delete',
        relation,
        old: [String(id), undefined, undefined, undefined, undefined, undefined],
        new: undefined,
      };
    }
    const gone = this.#nowUs - (this.#changedUs.get(id) ?? this.#nowUs) > 60n * MINUTE_US + BigInt(this.#lateByUs);
    if (gone && !this.#updatesGoneRows) return undefined;
    this.#changedUs.set(id, this.#nowUs);
    const { customer, cents, v, ok } = each;
    const at = each.late === null ? null : this.#nowUs - BigInt(each.late) * MINUTE_US;
    const payment: Payment = { id, customer, at, cents, v, ok };
    this.table.set(id, payment);
    return { kind: each.kind, relation, old: undefined, new: cellsOf(payment) };
  }
}

function check(emission: FeaturesEmission, table: ReadonlyMap<number, Payment>, names: readonly string[]): void {
  const row = table.get(Number((JSON.parse(emission.key) as string[])[0]))!;
  const all = [...table.values()];
  const expected = naiveFeatures(row, all);
  const magnitude = Math.max(1, ...all.map(({ v }) => Math.abs(v ?? 0)));
  const actual = JSON.parse(emission.features) as Record<string, unknown>;
  for (const name of names) {
    const wanted = expected[name]!;
    const got = actual[name];
    if (typeof wanted !== 'number' || typeof got !== 'number') expect(got, name).toBe(wanted);
    else if (AMOUNTS.has(name)) expect(emission.features).toContain(`"${name}":${amountText(wanted)}`);
    else if (name === 'sd_1h' || name === 'var')
      expect(Math.abs(got - wanted), name).toBeLessThanOrEqual(1e-7 * magnitude * magnitude);
    else expect(Math.abs(got - wanted), name).toBeLessThanOrEqual(1e-9 * magnitude);
  }
}

/** Shrinking a long history may take minutes; what was found by then is shown. */
const LIMIT = { interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true };
const seed = Number(process.env['MILLRACE_SEED'] ?? Date.now() % 2 ** 31);

describe(`windows over random histories (MILLRACE_SEED=${seed})`, () => {
  test('every feature of every changed row equals the frame computed the long way', () => {
    const plan = paymentsPlan({ calls: { ...BOUNDED, ...UNBOUNDED } });
    const names = [...Object.keys(BOUNDED), ...Object.keys(UNBOUNDED)];
    let compared = 0;
    fc.assert(
      fc.property(history(2000), (transactions) => {
        const player = new Player(plan, 1e15);
        for (const transaction of transactions) {
          for (const emission of player.play(transaction)) {
            if (emission.kind !== 'features') continue;
            expect(emission.late).toBe(false);
            check(emission, player.table, names);
            compared += 1;
          }
        }
      }),
      { seed, numRuns: 150, ...LIMIT },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test.each([
    { reach: 'an hour', calls: HOUR_ONLY, length: 40 },
    { reach: 'an hour and some rows', calls: BOUNDED, length: 120 },
  ])('with $reach of reach, what has expired is only missing from rows that are marked late', ({ calls, length }) => {
    const plan = paymentsPlan({ calls });
    const names = Object.keys(calls);
    let late = 0;
    let onTime = 0;
    let mostExpired = 0;
    fc.assert(
      fc.property(history(120, length), (transactions) => {
        const player = new Player(plan, Number(30n * MINUTE_US), false);
        for (const transaction of transactions) {
          for (const emission of player.play(transaction)) {
            if (emission.kind !== 'features') continue;
            if (emission.late) late += 1;
            else {
              onTime += 1;
              check(emission, player.table, names);
            }
          }
        }
        mostExpired = Math.max(mostExpired, player.table.size - player.transform.size.keys);
      }),
      { seed, numRuns: 60, ...LIMIT },
    );
    expect(late).toBeGreaterThan(20);
    expect(onTime).toBeGreaterThan(1000);
    expect(mostExpired).toBeGreaterThan(5);
  });

  test('a transform opened from its state says, bit for bit, what one that was never closed says', () => {
    for (const calls of [HOUR_ONLY, BOUNDED, { ...BOUNDED, ...UNBOUNDED }]) {
      const plan = paymentsPlan({ calls });
      fc.assert(
        fc.property(history(120, 80), (transactions) => {
          const lateByUs = Number(30n * MINUTE_US);
          const steady = new Player(plan, lateByUs);
          const restarted = new Player(plan, lateByUs);
          for (const transaction of transactions) {
            expect(restarted.play(transaction)).toEqual(steady.play(transaction));
            if (transaction.reopen) restarted.reopen();
            expect(restarted.transform.size).toEqual(steady.transform.size);
            expect(restarted.transform.clockUs).toBe(steady.transform.clockUs);
          }
        }),
        { seed, numRuns: 60, ...LIMIT },
      );
    }
  });
});
