// Random transactions over the test tables: inserts of several rows, updates of some columns, of unread ones and of keys,
// deletes, truncates, savepoints that are rolled back, parents and children in one commit. Small value space.

import fc from 'fast-check';
import { EVENT_TIMES, HISTORY_VALUES, PAYMENT_COLUMNS, UNREAD_COLUMNS, type KeyShape } from './tables.ts';

export interface HistoryTransaction {
  readonly statements: readonly string[];
}

type Values = readonly string[];

export interface HistoryOptions {
  readonly key: KeyShape;
  /** Only rare extremes of event time, or none. */
  readonly extremes: boolean;
  readonly transactions: { readonly minLength: number; readonly maxLength: number };
}

export function history(options: HistoryOptions): fc.Arbitrary<readonly HistoryTransaction[]> {
  const statement = statements(options);
  const rolledBack = fc
    .array(statement, { minLength: 1, maxLength: 2 })
    .map((inner) => ['savepoint undone', ...inner, 'rollback to savepoint undone'].join('; '));
  const transaction = fc
    .array(fc.oneof({ weight: 12, arbitrary: statement }, { weight: 1, arbitrary: rolledBack }), {
      minLength: 1,
      maxLength: 5,
    })
    .map((list) => ({ statements: list }));
  return fc.noBias(fc.array(transaction, { ...options.transactions, size: 'max' }));
}

function statements({ key, extremes }: HistoryOptions): fc.Arbitrary<string> {
  const keys = key.columns.map((c) => c.name);
  const keyValue = fc.constantFrom(...key.values);
  const times = extremes ? EVENT_TIMES : EVENT_TIMES.filter((t) => !/2999|BC|infinity/.test(t));
  const value = (name: string): fc.Arbitrary<string> =>
    fc.constantFrom(...(name === 'at' ? times : (HISTORY_VALUES[name] ?? ['null'])));
  const paymentColumns = [...PAYMENT_COLUMNS.map((c) => c.name), ...UNREAD_COLUMNS.map((c) => c.name)];
  const paymentRow = fc
    .tuple(keyValue, ...paymentColumns.map(value))
    .map(([given, ...rest]) => [...given, ...rest] as Values);
  const where = fc.oneof(
    { weight: 2, arbitrary: keyValue.map((v) => `(${keys.join(', ')}) = (${v.join(', ')})`) },
    { weight: 1, arbitrary: fc.constantFrom(`customer = 'ann'`, 'merchant = 2', 'ok', 'at is null', 'qty > 0') },
  );
  const items = itemRow(key, times);
  const reference = key.columns.map((c) => `payment_${c.name}`);
  const itemColumns = ['item', ...reference, 'customer', 'qty', 'cost', 'weight', 'ok', 'at', 'unread'];
  const labelColumns = ['id', ...reference, 'fraud', 'reason', 'loss', 'grade', 'at', 'unread'];
  const labels = labelRow(key, times);

  const insertPayments = fc
    .array(paymentRow, { minLength: 1, maxLength: 4 })
    .map(
      (rows) =>
        `insert into payments (${[...keys, ...paymentColumns].join(', ')}) values ${tuples(rows)} on conflict do nothing`,
    );
  const upsert = paymentRow.map(
    (row) =>
      `insert into payments (${[...keys, ...paymentColumns].join(', ')}) values ${tuples([row])} on conflict (${keys.join(', ')}) do update set ${paymentColumns.map((c) => `${c} = excluded.${c}`).join(', ')}`,
  );
  const assignments = fc
    .uniqueArray(fc.constantFrom(...paymentColumns), { minLength: 1, maxLength: 3 })
    .chain((names) =>
      fc.tuple(...names.map(value)).map((values) => names.map((name, i) => `${name} = ${values[i]}`).join(', ')),
    );
  const update = fc
    .tuple(assignments, where)
    .map(([set, condition]) => `update payments set ${set} where ${condition}`);
  const move = fc
    .tuple(keyValue, keyValue)
    .map(
      ([from, to]) =>
        `update payments set ${keys.map((name, i) => `${name} = ${to[i]}`).join(', ')} where (${keys.join(', ')}) = (${from.join(', ')}) and not exists (select 1 from payments where (${keys.join(', ')}) = (${to.join(', ')}))`,
    );
  const unread = fc
    .tuple(fc.constantFrom('unread', 'body'), where)
    .chain(([name, condition]) => value(name).map((v) => `update payments set ${name} = ${v} where ${condition}`));
  const touch = where.map((condition) => `update payments set qty = qty where ${condition}`);
  const remove = keyValue.map((v) => `delete from payments where (${keys.join(', ')}) = (${v.join(', ')})`);
  const insertItems = fc
    .array(items, { minLength: 1, maxLength: 4 })
    .map((rows) => `insert into items (${itemColumns.join(', ')}) values ${tuples(rows)} on conflict do nothing`);
  const item = fc.integer({ min: 1, max: 12 });
  const updateItem = fc
    .tuple(item, items, fc.constantFrom(...itemColumns.slice(1)))
    .map(([id, row, name]) => `update items set ${name} = ${row[itemColumns.indexOf(name)]} where item = ${id}`);
  const deleteItem = item.map((id) => `delete from items where item = ${id}`);
  const insertLabels = fc
    .array(labels, { minLength: 1, maxLength: 2 })
    .map(
      (rows) => `insert into chargebacks (${labelColumns.join(', ')}) values ${tuples(rows)} on conflict do nothing`,
    );
  const updateLabel = fc
    .tuple(item, labels, fc.constantFrom(...labelColumns.slice(1)))
    .map(([id, row, name]) => `update chargebacks set ${name} = ${row[labelColumns.indexOf(name)]} where id = ${id}`);
  const deleteLabel = item.map((id) => `delete from chargebacks where id = ${id}`);
  const together = fc.tuple(paymentRow, fc.array(items, { minLength: 1, maxLength: 3 })).map(([row, rows]) => {
    const parent = row.slice(0, keys.length);
    const children = rows.map((child) => [child[0]!, ...parent, ...child.slice(1 + keys.length)]);
    return (
      `insert into payments (${[...keys, ...paymentColumns].join(', ')}) values ${tuples([row])} on conflict do nothing; ` +
      `insert into items (${itemColumns.join(', ')}) values ${tuples(children)} on conflict do nothing`
    );
  });
  const truncate = fc.constantFrom(
    'truncate payments',
    'truncate items',
    'truncate payments, items',
    'truncate chargebacks',
  );
  return fc.oneof(
    { weight: 12, arbitrary: insertPayments },
    { weight: 6, arbitrary: fc.array(upsert, { minLength: 1, maxLength: 3 }).map((list) => list.join('; ')) },
    { weight: 10, arbitrary: update },
    { weight: 2, arbitrary: move },
    { weight: 2, arbitrary: unread },
    { weight: 1, arbitrary: touch },
    { weight: 3, arbitrary: remove },
    { weight: 4, arbitrary: insertItems },
    { weight: 2, arbitrary: updateItem },
    { weight: 1, arbitrary: deleteItem },
    { weight: 3, arbitrary: insertLabels },
    { weight: 2, arbitrary: updateLabel },
    { weight: 1, arbitrary: deleteLabel },
    { weight: 3, arbitrary: together },
    { weight: 1, arbitrary: truncate.map((sql) => sql) },
  );
}

function itemRow(key: KeyShape, times: readonly string[]): fc.Arbitrary<Values> {
  return fc
    .tuple(
      fc.integer({ min: 1, max: 12 }),
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...key.values) },
        { weight: 1, arbitrary: fc.constant(key.columns.map(() => 'null')) },
      ),
      fc.constantFrom(`'ann'`, `'bob'`, 'null'),
      fc.constantFrom('0', '1', '2', '5', 'null'),
      fc.constantFrom('0.00', '9.99', '-1.5', '100', 'null'),
      fc.constantFrom('0.5', '1', '2.25', 'null'),
      fc.constantFrom('true', 'false', 'null'),
      fc.constantFrom(...times),
      fc.constantFrom(`'x'`, 'null'),
    )
    .map(([item, reference, ...rest]) => [`${item}`, ...reference, ...rest]);
}

function labelRow(key: KeyShape, times: readonly string[]): fc.Arbitrary<Values> {
  return fc
    .tuple(
      fc.integer({ min: 1, max: 12 }),
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...key.values) },
        { weight: 1, arbitrary: fc.constant(key.columns.map(() => 'null')) },
      ),
      fc.constantFrom('true', 'false', 'null'),
      fc.constantFrom(`'stolen'`, `'lost "it"'`, `''`, 'null'),
      fc.constantFrom('1.50', '0', '100.00', 'null'),
      fc.constantFrom('0', '1', '2', 'null'),
      fc.constantFrom(...times.filter((t) => !t.includes('infinity'))),
      fc.constantFrom(`'x'`, 'null'),
    )
    .map(([id, reference, ...rest]) => [`${id}`, ...reference, ...rest]);
}

const tuples = (rows: readonly Values[]): string => rows.map((row) => `(${row.join(', ')})`).join(', ');
