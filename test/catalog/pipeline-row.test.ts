import { expect, test } from 'vitest';
import type { Cell } from '../../src/flow/change.ts';
import { PIPELINE_COLUMNS, parsePipelineRow } from '../../src/catalog/pipeline-row.ts';
import { loadPipelines } from '../../src/catalog/pipelines.ts';
import { PgoutputDecoder } from '../../src/source/pgoutput.ts';
import { openShop, type Shop } from './shop.ts';

/** Every row of _pipelines that the WAL has since the slot was made, as cells by name. */
async function rowsOfWal(shop: Shop): Promise<Record<string, Cell>[]> {
  const messages = await shop.query<{ data: Buffer }>(
    `select data from pg_logical_slot_get_binary_changes('catalog_' || current_database(), null, null, 'proto_version', '1', 'publication_names', 'control')`,
  );
  const decoder = new PgoutputDecoder();
  return messages.flatMap(({ data }) => {
    const message = decoder.decode(data, 0, data.length);
    if (message.kind !== 'insert' && message.kind !== 'update') return [];
    return [Object.fromEntries(message.relation.columns.map(({ name }, index) => [name, message.new![index]]))];
  });
}

test('a row from the WAL and one from a query are the same definition, also after an update of long values', async () => {
  await using shop = await openShop();
  await shop.query(`create publication control for table millrace._pipelines`);
  await shop.query(`select pg_create_logical_replication_slot('catalog_' || current_database(), 'pgoutput')`);
  await shop.query(`create schema "Lab"; create table "Lab"."T ä" (id bigint primary key, "at" timestamptz, c int);
    create view "Lab"."V" as select t.id, t."at", k.country from "Lab"."T ä" t left join customers k on k.id = t.c;
    create view "Lab"."L" as select id, 1.5 as label from "Lab"."T ä";
    set timezone = 'Asia/Kolkata';
    select millrace.create_pipeline('full', '"Lab"."V"', key => 'id', event_time => 'at', labels => '"Lab"."L"', label_wait => '1 hour',
      label_default => '0', model => jsonb_build_object('kind', 'linear', 'metrics_by', repeat('x', 1400)), alert_when => repeat('score > 0 and ', 70) || 'true',
      also_on => '{customers}', clock => 'event_time', late_by => '2 days', append_only => true, keep_scores_for => '90 days', backfill => 'state');
    select millrace.create_pipeline('bare', 'fraud_features')`);
  const client = await shop.connect();
  const created = await loadPipelines(client);
  expect(created[0]).toMatchObject({
    id: 1,
    features: { schema: 'Lab', name: 'V' },
    labels: { schema: 'Lab', name: 'L' },
    key: ['id'],
    eventTime: 'at',
    labelWaitUs: 3_600_000_000,
    labelDefault: '0',
    alsoOn: [{ schema: 'public', name: 'customers' }],
    clock: 'event_time',
    lateByUs: 2 * 86_400_000_000,
    appendOnly: true,
    keepScoresForUs: 90 * 86_400_000_000,
    backfill: 'state',
    timezone: 'Asia/Kolkata',
    owner: 'postgres',
    scoreTable: { schema: 'Lab', name: 'full_scores' },
  });
  expect(created[1]).toMatchObject({
    labels: undefined,
    eventTime: undefined,
    labelWaitUs: undefined,
    alertWhen: undefined,
    appendOnly: false,
    timezone: 'Asia/Kolkata',
  });
  expect((await rowsOfWal(shop)).map(parsePipelineRow)).toEqual(created);

  await shop.query(`select millrace.pause('full')`);
  const [updated] = await rowsOfWal(shop);
  expect(Object.values(updated!)).not.toContain(undefined);
  expect(parsePipelineRow(updated!)).toEqual((await loadPipelines(client))[0]);
  expect(parsePipelineRow(updated!)).toMatchObject({
    desired: 'paused',
    revision: 2,
    alertWhen: created[0]!.alertWhen,
  });
});

test('the longest row that is allowed fits in a page', async () => {
  await using shop = await openShop();
  const long = (letter: string, n: number): string => letter.repeat(n);
  const [schema, view, labels] = [long('s', 63), long('v', 63), long('l', 63)];
  const columns = Array.from({ length: 24 }, (_, i) => `${long('k', 55)}${i + 10}`);
  await shop.query(`create schema ${schema}; create table ${schema}.t (${columns.map((c) => `${c} int`).join()}, at timestamptz);
    create view ${schema}.${view} as select * from ${schema}.t; create view ${schema}.${labels} as select ${columns.join()}, 1 as label from ${schema}.t;
    select millrace.create_pipeline('${long('p', 48)}', '${schema}.${view}', key => '${columns.join()}', event_time => 'at', labels => '${schema}.${labels}',
      model => jsonb_build_object('kind', 'linear', 'metrics_by', repeat('x', 1441)), alert_when => repeat('a', 1000), also_on => '{${schema}.t}')`);
  expect(await loadPipelines(await shop.connect())).toHaveLength(1);
});

test('a row that makes no sense is refused by the name of its column', () => {
  const cells: Record<string, Cell> = Object.fromEntries(PIPELINE_COLUMNS.map((column) => [column, '1']));
  const good = {
    ...cells,
    desired: 'running',
    key: '["id"]',
    model: '{"kind":"none"}',
    also_on: '[]',
    backfill: 'learn',
    clock: 'commit',
    append_only: 'true',
  };
  expect(parsePipelineRow(good)).toMatchObject({ id: 1, appendOnly: true });
  for (const [column, value, why] of [
    ['id', undefined, 'id was not sent'],
    ['name', null, 'name is NULL'],
    ['generation', '1.5', 'generation is not an integer'],
    ['late_by_us', '9007199254740993', 'late_by_us is not an integer below 2^53'],
    ['desired', 'dancing', 'desired is none of running, paused, dropped'],
    ['model', '{', 'model is not JSON'],
  ] as const) {
    expect(() => parsePipelineRow({ ...good, [column]: value })).toThrow(why);
  }
});
