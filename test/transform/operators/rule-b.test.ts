import { describe, expect, test } from 'vitest';
import type { Cell, Change } from '../../../src/flow/change.ts';
import type { PipelineDefinition } from '../../../src/flow/pipeline.ts';
import type { Emission } from '../../../src/flow/record.ts';
import { numericToNumber, type NumericValue } from '../../../src/flow/types/decimal.ts';
import { OID } from '../../../src/flow/types/type-oid.ts';
import { MillraceError } from '../../../src/runtime/errors.ts';
import { openTransform } from '../../../src/transform/operators/open-transform.ts';
import type { PipelineTransform } from '../../../src/transform/pipeline-transform.ts';
import type { LabelPlan, LateralPlan, PipelinePlan } from '../../../src/transform/view-plan.ts';
import {
  call,
  definition,
  expression,
  frame,
  HOUR,
  interval,
  output,
  payments,
  paymentsPlan,
  table,
  type TestTable,
} from './payments-plan.ts';

const HOUR_US = 3_600_000_000;
const START_US = 1_767_225_600_000_000; // 2026-01-01
const AMOUNT = payments.column('amount');
const hourly = {
  n: call(0, 'count', [], frame('range', HOUR), OID.int8),
  total: call(0, 'sum', [AMOUNT], frame('range', HOUR), OID.numeric),
};
const plain = paymentsPlan({ calls: hourly });

const insert = ({ relation }: TestTable, ...cells: Cell[]): Change => ({
  kind: 'insert',
  relation,
  old: undefined,
  new: cells,
});
const update = ({ relation }: TestTable, ...cells: Cell[]): Change => ({
  kind: 'update',
  relation,
  old: undefined,
  new: cells,
});
const move = ({ relation }: TestTable, old: Cell[], now: Cell[]): Change => ({
  kind: 'update',
  relation,
  old,
  new: now,
});
const remove = ({ relation }: TestTable, ...old: Cell[]): Change => ({ kind: 'delete', relation, old, new: undefined });

/** id, customer, time, amount; v and ok NULL. */
const payment = (id: number, time: string, amount: string | null = '1.00', customer = '7'): Cell[] => [
  String(id),
  customer,
  `2026-01-01 ${time}`,
  amount,
  null,
  null,
];

class Run {
  readonly transform: PipelineTransform;
  #nowUs = START_US;
  constructor(plan: PipelinePlan, change: Partial<PipelineDefinition> = {}) {
    this.transform = openTransform({ plan, definition: definition({ clock: 'commit', ...change }) });
  }
  commit(...changes: Change[]): readonly Emission[] {
    this.#nowUs += 1_000_000;
    this.transform.begin(this.#nowUs);
    for (const change of changes) this.transform.apply(change);
    return this.transform.finish();
  }
  wait(us: number): void {
    this.#nowUs += us;
  }
}

/** `features 1 {…}`, `delete 1`, `label 1 true`: kind, key, what is said. */
function shown(emissions: readonly Emission[]): string[] {
  return emissions.map((emission) => {
    const key =
      'key' in emission ? ` ${emission.key === null ? '-' : (JSON.parse(emission.key) as string[]).join()}` : '';
    if (emission.kind === 'features') return `features${key} ${emission.features}${emission.late ? ' late' : ''}`;
    if (emission.kind === 'label') return `label${key} ${emission.label === undefined ? 'withdrawn' : emission.label}`;
    if (emission.kind === 'dead_letter') return `dead_letter${key} ${emission.code}`;
    return `${emission.kind}${key}`;
  });
}

describe('what a transaction says of a key', () => {
  test('each key once, in the order of its last change, as of the end of the transaction', () => {
    const run = new Run(plain);
    expect(
      shown(
        run.commit(
          insert(payments, ...payment(1, '00:00:00')),
          insert(payments, ...payment(2, '00:10:00')),
          update(payments, ...payment(1, '00:00:00', '5.00')),
        ),
      ),
    ).toEqual(['features 2 {"n":2,"total":6.00}', 'features 1 {"n":1,"total":5.00}']);
  });

  test('an update that changes no column of the view says nothing', () => {
    const run = new Run(plain);
    run.commit(insert(payments, ...payment(1, '00:00:00')));
    expect(run.commit(update(payments, ...payment(1, '00:00:00')))).toEqual([]);
    expect(shown(run.commit(update(payments, ...payment(1, '00:00:00', '1.0'))))).toEqual([
      'features 1 {"n":1,"total":1.0}',
    ]);
  });

  test('inserted and deleted in one transaction, nothing was there', () => {
    const run = new Run(plain);
    expect(run.commit(insert(payments, ...payment(1, '00:00:00')), remove(payments, '1'))).toEqual([]);
  });

  test('a key that changes is a delete of the old and features of the new', () => {
    const run = new Run(plain);
    run.commit(insert(payments, ...payment(1, '00:00:00')));
    const moved = run.commit(move(payments, ['1'], payment(2, '00:00:00')));
    expect(shown(moved)).toEqual(['delete 1', 'features 2 {"n":1,"total":1.00}']);
    expect(shown(run.commit(remove(payments, '2')))).toEqual(['delete 2']);
  });

  test('truncate comes first, and what stood before it needs no delete', () => {
    const run = new Run(plain);
    run.commit(insert(payments, ...payment(1, '00:00:00')));
    const emissions = run.commit(
      remove(payments, '1'),
      { kind: 'truncate', relations: [payments.relation] },
      insert(payments, ...payment(1, '00:05:00')),
    );
    expect(shown(emissions)).toEqual(['truncate', 'features 1 {"n":1,"total":1.00}']);
    expect(run.transform.size.keys).toBe(1);
  });

  test('a row that leaves the view by its own change is deleted, once, and is in no window', () => {
    const where = expression(
      OID.bool,
      'amount > 0',
      (slots) => slots[3] !== null && numericToNumber(slots[3] as NumericValue) > 0,
    );
    const run = new Run(paymentsPlan({ calls: hourly, where }));
    expect(run.commit(insert(payments, ...payment(1, '00:00:00', '-1.00')))).toEqual([]);
    expect(shown(run.commit(insert(payments, ...payment(2, '00:01:00'))))).toEqual(['features 2 {"n":1,"total":1.00}']);
    expect(shown(run.commit(update(payments, ...payment(2, '00:01:00', null))))).toEqual(['delete 2']);
    expect(run.commit(update(payments, ...payment(2, '00:01:00', '0.00')))).toEqual([]);
    expect(run.commit(remove(payments, '1'), remove(payments, '2'))).toEqual([]);
    expect(run.transform.counts.filtered).toBe(3);
  });
});

describe('a row that cannot be computed', () => {
  const inverse = output(
    'inverse',
    expression(OID.float8, '1/amount', (slots) => {
      const amount = numericToNumber(slots[3] as NumericValue);
      if (amount === 0) throw new MillraceError('DATA', 'division by zero');
      return 1 / amount;
    }),
  );

  test('is a dead letter and in no window, also of rows before it in its transaction, until it is corrected', () => {
    const run = new Run(paymentsPlan({ calls: hourly, outputs: [inverse] }));
    const first = run.commit(
      insert(payments, ...payment(2, '00:10:00')),
      insert(payments, ...payment(1, '00:00:00', '0.00')),
    );
    expect(shown(first)).toEqual(['features 2 {"n":1,"total":1.00,"inverse":1}', 'dead_letter 1 DATA']);
    expect(shown(run.commit(insert(payments, ...payment(3, '00:11:00'))))[0]).toContain('"n":2');
    expect(shown(run.commit(update(payments, ...payment(1, '00:00:00', '2.00'))))[0]).toContain('features 1');
    expect(shown(run.commit(insert(payments, ...payment(4, '00:12:00'))))[0]).toContain('"n":4');
    expect(run.transform.counts.deadLetters).toBe(1);
  });

  test('is deleted when it goes', () => {
    const run = new Run(paymentsPlan({ calls: hourly, outputs: [inverse] }));
    run.commit(insert(payments, ...payment(1, '00:00:00', '0.00')));
    expect(shown(run.commit(remove(payments, '1')))).toEqual(['delete 1']);
  });

  test('holds the row as it was', () => {
    const run = new Run(paymentsPlan({ calls: hourly, outputs: [inverse] }));
    const [letter] = run.commit(insert(payments, ...payment(1, '00:00:00', '0.00')));
    expect(letter).toMatchObject({ table: 'public.payments', message: 'division by zero' });
    expect(JSON.parse((letter as { row: string }).row)).toMatchObject({
      id: 1,
      amount: 0,
      created_at: '2026-01-01T00:00:00',
    });
  });
});

test('a frame of a month never begins earlier than that of a row before, though a month before March 31 is February 28', () => {
  const run = new Run(
    paymentsPlan({ calls: { n: call(0, 'count', [], frame('range', interval(1, 0, 0n)), OID.int8) } }),
  );
  const at = (id: number, time: string): Change => insert(payments, String(id), '7', `2026-${time}`, null, null, null);
  const said = shown(run.commit(at(1, '02-28 06:00:00'), at(2, '03-29 12:00:00'), at(3, '03-31 02:30:00')));
  expect(said).toEqual(['features 1 {"n":1}', 'features 2 {"n":1}', 'features 3 {"n":2}']);
  // Without the row of March 29, that of February 28 is within the month, as it is for Postgres.
  expect(shown(run.commit(remove(payments, '2'), at(4, '03-31 02:30:00')))).toEqual(['delete 2', 'features 4 {"n":3}']);
});

describe('labels', () => {
  const chargebacks = table('chargebacks', { id: OID.int4, payment: OID.int4, at: OID.timestamp, fraud: OID.bool });
  const labels: LabelPlan = {
    table: chargebacks.plan,
    where: undefined,
    key: [output('id', chargebacks.column('payment'))],
    label: output('label', chargebacks.column('fraud')),
    labelAt: output('label_at', chargebacks.column('at')),
    weight: undefined,
  };
  const plan = paymentsPlan({ calls: hourly, labels });
  const chargeback = (id: number, of: number | null, day: number, fraud = 't'): Cell[] => [
    String(id),
    of === null ? null : String(of),
    `2026-02-0${day} 00:00:00`,
    fraud,
  ];

  test('come before features and deletes, with the text of a cast', () => {
    const run = new Run(plan);
    const emissions = run.commit(
      insert(payments, ...payment(1, '00:00:00')),
      insert(chargebacks, ...chargeback(1, 1, 1)),
    );
    expect(shown(emissions)).toEqual(['label 1 true', 'features 1 {"n":1,"total":1.00}']);
    expect(emissions[0]).toMatchObject({ labelAtUs: Date.UTC(2026, 1, 1) * 1000, weight: 1 });
  });

  test('of one key the latest label_at stands; what changes and what goes is said', () => {
    const run = new Run(plan);
    expect(shown(run.commit(insert(chargebacks, ...chargeback(1, 9, 2))))).toEqual(['label 9 true']);
    expect(run.commit(insert(chargebacks, ...chargeback(2, 9, 1, 'f')))).toEqual([]);
    expect(shown(run.commit(update(chargebacks, ...chargeback(2, 9, 3, 'f'))))).toEqual(['label 9 false']);
    expect(shown(run.commit(remove(chargebacks, '2')))).toEqual(['label 9 true']);
    expect(shown(run.commit(update(chargebacks, ...chargeback(1, 8, 2))))).toEqual([
      'label 9 withdrawn',
      'label 8 true',
    ]);
    expect(run.commit(insert(chargebacks, ...chargeback(3, null, 1)))).toEqual([]);
    expect(shown(run.commit({ kind: 'truncate', relations: [chargebacks.relation] }))).toEqual(['label 8 withdrawn']);
  });

  test('deleted and inserted again in one transaction, a label that is the same says nothing', () => {
    const run = new Run(plan);
    run.commit(insert(chargebacks, ...chargeback(1, 9, 2)));
    expect(run.commit(remove(chargebacks, '1'), insert(chargebacks, ...chargeback(2, 9, 2)))).toEqual([]);
  });

  test.each([Number.NaN, Infinity, -Infinity])(
    'weigh a number that no record can carry, and no model learns: %d',
    (value) => {
      const weight = output(
        'weight',
        expression(OID.float8, 'weight', () => value),
      );
      const run = new Run(paymentsPlan({ calls: hourly, labels: { ...labels, weight } }));
      const [label] = run.commit(insert(chargebacks, ...chargeback(1, 1, 1)));
      expect(label).toMatchObject({ kind: 'label', weight: -1 });
    },
  );

  test('from a column of the same table also reach a row whose features have expired', () => {
    const own: LabelPlan = {
      table: payments.plan,
      where: expression(OID.bool, 'ok is not null', (slots) => slots[5] !== null),
      key: [output('id', payments.column('id'))],
      label: output('label', payments.column('ok')),
      labelAt: undefined,
      weight: undefined,
    };
    const run = new Run(paymentsPlan({ calls: hourly, labels: own }), { lateByUs: 0 });
    run.commit(insert(payments, ...payment(1, '00:00:00')));
    run.wait(3 * HOUR_US);
    run.commit();
    const labelled = run.commit(update(payments, '1', '7', '2026-01-01 00:00:00', '1.00', null, 't'));
    expect(shown(labelled)).toEqual(['label 1 true']);
    expect(run.transform.inputs).toHaveLength(1);
  });
});

describe('what state keeps', () => {
  test('a row dated 2999 empties no window, on either clock', () => {
    for (const clock of ['commit', 'event_time'] as const) {
      const run = new Run(plain, { clock, lateByUs: 0 });
      run.commit(insert(payments, ...payment(1, '00:00:00')));
      run.commit(insert(payments, '2', '7', '2999-01-01 00:00:00', '1.00', null, null));
      expect(shown(run.commit(insert(payments, ...payment(3, '00:30:00'))))).toEqual([
        'features 3 {"n":2,"total":2.00}',
      ]);
      expect(run.transform.clockUs).toBeLessThan(START_US + HOUR_US);
    }
  });

  test('a commit time that goes back moves no clock', () => {
    const run = new Run(plain);
    run.commit();
    const { clockUs } = run.transform;
    run.wait(-60_000_000);
    run.commit();
    expect(run.transform.clockUs).toBe(clockUs);
  });

  test('an update of a row whose state has gone leaves its features alone; its delete is still a delete', () => {
    const run = new Run(plain, { lateByUs: 0 });
    run.commit(insert(payments, ...payment(1, '00:00:00')));
    run.wait(3 * HOUR_US);
    run.commit();
    expect(run.transform.size.keys).toBe(0);
    expect(run.commit(update(payments, ...payment(1, '00:00:00', '9.00')))).toEqual([]);
    expect(shown(run.commit(remove(payments, '1')))).toEqual(['delete 1']);
  });

  test('a row that reaches below what has expired is computed and marked late', () => {
    const run = new Run(plain, { lateByUs: 0 });
    run.commit(insert(payments, ...payment(1, '00:00:00')));
    run.wait(3 * HOUR_US);
    run.commit();
    expect(shown(run.commit(insert(payments, ...payment(2, '00:30:00'))))).toEqual([
      'features 2 {"n":1,"total":1.00} late',
    ]);
    expect(shown(run.commit(insert(payments, ...payment(3, '01:30:00'))))).toEqual(['features 3 {"n":2,"total":2.00}']);
    expect(run.transform.counts.late).toBe(1);
  });

  test('a checkpoint writes the rows that changed since the last, the clock, and nothing else', () => {
    const run = new Run(plain);
    const written = (): string[] =>
      [...run.transform.takeDirty()].map(
        ({ space, key, value }) => `${space} ${key} ${value === undefined ? 'gone' : 'put'}`,
      );
    for (let id = 1; id <= 100; id++) run.commit(insert(payments, ...payment(id, '00:00:00')));
    expect(written()).toHaveLength(101);
    expect(written()).toEqual([]);
    run.commit(update(payments, ...payment(50, '00:00:00', '2.00')), remove(payments, '51'));
    expect(written().sort()).toEqual(['driving ["50"] put', 'driving ["51"] gone', 'meta meta put']);
    run.commit(update(payments, ...payment(50, '00:00:00', '2.00')));
    expect(written()).toEqual(['meta meta put']);
  });
});

describe('values that were not sent', () => {
  const notes = table(
    'payments',
    { id: OID.int4, customer: OID.int4, created_at: OID.timestamp, note: OID.text },
    { toastable: ['note'] },
  );
  const plan = paymentsPlan(
    {
      calls: { n: call(0, 'count', [], frame('range', HOUR), OID.int8) },
      outputs: [
        output(
          'length',
          expression(OID.int4, 'length(note)', (slots) => (slots[3] as string).length),
        ),
      ],
    },
    notes,
  );
  const large = 'x'.repeat(3000);

  test('are those of the stored row, which is kept for that whatever its age', () => {
    const run = new Run(plan, { lateByUs: 0 });
    run.commit(insert(notes, '1', '7', '2026-01-01 00:00:00', large));
    run.wait(100 * HOUR_US);
    run.commit();
    expect(shown(run.commit(update(notes, '1', '8', '2026-01-01 00:00:00', undefined)))).toEqual([
      'features 1 {"n":1,"length":3000}',
    ]);
  });

  test('stop an append_only pipeline', () => {
    const run = new Run(plan, { appendOnly: true });
    run.commit(insert(notes, '1', '7', '2026-01-01 00:00:00', large));
    expect(() => run.commit(update(notes, '1', '8', '2026-01-01 00:00:00', undefined))).toThrow(
      expect.objectContaining({ code: 'TOAST_UNKNOWN' }) as Error,
    );
  });

  test('of a row that was never seen make it a dead letter where its key moved', () => {
    const run = new Run(plan);
    const emissions = run.commit(
      move(notes, ['1', undefined, undefined, undefined], ['2', '8', '2026-01-01 00:00:00', undefined]),
    );
    expect(shown(emissions)).toEqual(['delete 1', 'dead_letter 2 TOAST_UNKNOWN']);
  });
});

describe('laterals', () => {
  const items = table('items', { id: OID.int4, payment: OID.int4, price: OID.int8 });
  const lateralOver = (source: TestTable): LateralPlan => ({
    table: source.plan,
    match: [{ inner: source.column('payment'), outer: payments.column('id') }],
    where: undefined,
    aggregates: [
      { name: 'count', args: [], filter: undefined, type: { oid: OID.int8, typmod: -1, collation: 0 } },
      {
        name: 'sum',
        args: [source.column('price')],
        filter: undefined,
        type: { oid: OID.numeric, typmod: -1, collation: 0 },
      },
    ],
    outputs: [expression(OID.int8, 'n', (slots) => slots[0]!), expression(OID.numeric, 'price', (slots) => slots[1]!)],
  });
  const outputs = [
    output(
      'items',
      expression(OID.int8, 'items', (slots) => slots[6]!),
    ),
    output(
      'price',
      expression(OID.numeric, 'price', (slots) => slots[7]!),
    ),
  ];
  const plan = paymentsPlan({ calls: {}, laterals: [lateralOver(items)], outputs });

  test('an order that is written before its items, in one transaction, sees them; sums beyond 2^53 are exact', () => {
    const run = new Run(plan);
    const emissions = run.commit(
      insert(payments, ...payment(1, '00:00:00')),
      insert(items, '1', '1', '9223372036854775807'),
      insert(items, '2', '1', '9223372036854775807'),
      insert(items, '3', '2', '5'),
    );
    expect(shown(emissions)).toEqual(['features 1 {"items":2,"price":18446744073709551614}']);
  });

  test('a change of the inner table alone says nothing, unless also_on names it: then of old key and new', () => {
    const quiet = new Run(plan);
    const loud = new Run(plan, { alsoOn: [{ schema: 'public', name: 'items' }] });
    const said = [quiet, loud].map((run) => {
      run.commit(
        insert(payments, ...payment(1, '00:00:00')),
        insert(payments, ...payment(2, '00:00:00')),
        insert(items, '1', '1', '5'),
      );
      return shown(run.commit(update(items, '1', '2', '5')));
    });
    expect(said).toEqual([[], ['features 1 {"items":0,"price":null}', 'features 2 {"items":1,"price":5}']]);
  });

  test('equal rows of a table without a key are counted, not told apart', () => {
    const bare = table(
      'items',
      { payment: OID.int4, price: OID.int8 },
      { identity: ['payment', 'price'], replicaIdentity: 'f' },
    );
    const run = new Run(paymentsPlan({ calls: {}, laterals: [lateralOver(bare)], outputs }));
    run.commit(insert(bare, '1', '5'), insert(bare, '1', '5'), insert(bare, '1', '5'), remove(bare, '1', '5'));
    expect(shown(run.commit(insert(payments, ...payment(1, '00:00:00'))))).toEqual([
      'features 1 {"items":2,"price":10}',
    ]);
  });

  test('a row that another table takes out of the view leaves windows at once, and its score until it changes itself', () => {
    const where = expression(OID.bool, 'items.n > 0', (slots) => (slots[8] as bigint) > 0n);
    const run = new Run(paymentsPlan({ calls: hourly, laterals: [lateralOver(items)], where }));
    run.commit(insert(items, '1', '1', '5'), insert(items, '2', '2', '5'));
    run.commit(insert(payments, ...payment(1, '00:00:00')));
    expect(run.commit(remove(items, '1'))).toEqual([]);
    expect(shown(run.commit(insert(payments, ...payment(2, '00:01:00'))))).toEqual(['features 2 {"n":1,"total":1.00}']);
    expect(shown(run.commit(update(payments, ...payment(1, '00:00:00', '3.00'))))).toEqual(['delete 1']);
  });
});

describe('a backfill', () => {
  test('runs by event time, up to the snapshot; one input a table has the columns of all its roles', () => {
    const run = new Run(plain, { lateByUs: 0 });
    const { transform } = run;
    const input = transform.inputs[0]!;
    expect(input).toMatchObject({ role: 'driving', columns: payments.plan.columns.map(({ name }) => name) });
    const relation = transform.relationOf(input);
    const said: string[] = [];
    for (const [id, time] of [
      [1, '00:00:00'],
      [2, '00:30:00'],
      [3, '02:00:00'],
    ] as const) {
      const row = payment(id, time);
      expect(transform.eventTimeUsOf(row)).toBe(Date.parse(`2026-01-01T${time}Z`) * 1000);
      transform.begin(START_US + 100 * HOUR_US, true);
      transform.apply({ kind: 'insert', relation, old: undefined, new: row });
      said.push(...shown(transform.finish()));
    }
    expect(said.map((text) => /"n":(\d)/.exec(text)![1])).toEqual(['1', '2', '1']);
    expect(transform.clockUs).toBe(START_US + 2 * HOUR_US);
  });
});
