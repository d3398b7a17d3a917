// Learns live which customer will click on which product: impressions come in batches, what became of them in the next
// transaction. Two models see the same view, one of them linear; and because the shop is generated, the best that any model could
// reach is known.
//
//   npm run build && node examples/recommendations/run.mjs

import { runExample, until } from '../harness.mjs';
import { rocAuc } from '../measures.mjs';
import { ITEMS, Shop } from './shop.mjs';

const TABLES = `
create table impressions (
  impression int primary key, shown_at timestamptz not null, user_id int not null, item_id int not null, place text not null,
  candidate boolean not null default false    -- not shown yet: only to be scored
);
create table outcomes (impression int primary key, clicked boolean not null);`;

const FEATURES = `
create view impression_features as
  select impression, shown_at, user_id, item_id, place,
         count(*) filter (where not candidate) over last_hour + case when candidate then 1 else 0 end as shown_1h
  from impressions
  window last_hour as (partition by user_id order by shown_at
                       range between '1 hour' preceding and current row);`;

const LABELS = `
create view impression_labels as select impression, clicked as label from outcomes;`;

const CATEGORIES = '"features": {"user_id": {"as": "category"}, "item_id": {"as": "category"}}';

const PIPELINES = `
select millrace.create_pipeline('clicks', features => 'impression_features', event_time => 'shown_at', labels => 'impression_labels',
  model => '{"kind": "factorization", "l2_factors": 0.02, "encode": {${CATEGORIES}}}');
select millrace.create_pipeline('linear_clicks', features => 'impression_features', event_time => 'shown_at', labels => 'impression_labels',
  model => '{"kind": "logistic", "optimizer": {"name": "adagrad", "lr": 0.2},
             "encode": {"categories": "hashing", "dimensions": 4096, ${CATEGORIES}}}');`;

const NAMES = ['clicks', 'linear_clicks'];
const IMPRESSIONS = 20_000;
/** Impressions a transaction: a model scores them with what it has learned of those before. */
const BATCH = 200;
/** Users that all items are scored for at the end. */
const ASKING = 20;
/** Items that each of them is recommended. */
const TOP = 10;

const shop = new Shop();
const shown = Array.from({ length: IMPRESSIONS }, () => shop.next());

await runExample({ tables: TABLES, views: FEATURES + LABELS, pipelines: PIPELINES, names: NAMES, play, report });

/** Impressions are a transaction, and what became of them another, before the next come; at the end candidates, which nothing becomes of. */
async function play(warehouse) {
  for (let from = 0; from < shown.length; from += BATCH) {
    const batch = shown.slice(from, from + BATCH);
    await insert(warehouse, batch, false);
    await warehouse.query('insert into outcomes select * from unnest($1::int[], $2::boolean[])', [
      batch.map((one) => one.impression),
      batch.map((one) => one.clicked),
    ]);
  }
  for (const name of NAMES)
    await until(
      warehouse,
      `select from millrace.metrics where pipeline = '${name}' and period = 'all' and metric = 'accuracy' and examples = ${shown.length}`,
    );
  await insert(warehouse, candidates(), true);
  for (const name of NAMES)
    await until(warehouse, `select from ${name}_scores having count(*) = ${shown.length + ASKING * ITEMS}`);
}

function insert(warehouse, rows, candidate) {
  return warehouse.query(
    `insert into impressions
       select i, shown_at, user_id, item_id, place, $6
         from unnest($1::int[], $2::timestamptz[], $3::int[], $4::int[], $5::text[]) t (i, shown_at, user_id, item_id, place)`,
    [...['impression', 'shownAt', 'user', 'item', 'place'].map((name) => rows.map((row) => row[name])), candidate],
  );
}

/** Each item for some of the users, a day after the last impression. */
function candidates() {
  const shownAt = new Date(Date.parse(shown.at(-1).shownAt) + 86_400_000).toISOString();
  return Array.from({ length: ASKING * ITEMS }, (_, k) => ({
    impression: shown.length + 1 + k,
    shownAt,
    user: Math.floor(k / ITEMS),
    item: k % ITEMS,
    place: 'home',
  }));
}

async function report(warehouse) {
  const last = shown.slice(-shown.length / 4);
  const clicked = last.map((one) => one.clicked);
  const figures = { impressions: shown.length, roc_auc: {}, clicks: {} };
  for (const name of NAMES) {
    const { rows } = await warehouse.query(
      `select measured_score from ${name}_scores where impression between $1 and $2 order by impression`,
      [last[0].impression, shown.length],
    );
    figures.roc_auc[name] = rocAuc(
      rows.map((row) => row.measured_score),
      clicked,
    );
    const best = await warehouse.query(
      `select c.user_id, c.item_id from (
         select i.user_id, i.item_id, rank() over (partition by i.user_id order by s.score desc, i.item_id) as place
           from impressions i join ${name}_scores s using (impression) where i.candidate) c
        where c.place <= ${TOP}`,
    );
    figures.clicks[name] = meanChance(best.rows.map((row) => ({ user: row.user_id, item: row.item_id })));
  }
  figures.roc_auc.best = rocAuc(
    last.map((one) => one.probability),
    clicked,
  );
  const all = candidates();
  figures.clicks.any = meanChance(all);
  figures.clicks.best = meanChance(
    Array.from({ length: ASKING }, (_, user) =>
      all
        .filter((one) => one.user === user)
        .sort((a, b) => chance(b) - chance(a))
        .slice(0, TOP),
    ).flat(),
  );
  const line = (name, ...cells) => console.log(name.padEnd(42) + cells.map((cell) => cell.padStart(12)).join(''));
  const show = (of, constant) => [of.clicks, of.linear_clicks, constant, of.best].map((value) => value.toFixed(4));
  line('', 'factorization', 'linear', 'constant', 'the truth');
  line(`ROC AUC of the last ${last.length} impressions`, ...show(figures.roc_auc, 0.5));
  line(`clicks an item, of the ${TOP} best for a user`, ...show(figures.clicks, figures.clicks.any));
  console.log(`\n${JSON.stringify(figures)}`);
}

function chance({ user, item }) {
  return shop.probability({ user, item, place: 'home', shownLately: 1 });
}

function meanChance(list) {
  return list.reduce((sum, one) => sum + chance(one), 0) / list.length;
}
