// How likely a visit of a shop ends in a purchase, said anew at each page: the row of a visit changes and is scored again. Quality is
// measured on the last score before the truth, which is a purchase, or an hour without one.
//
//   npm run build && node examples/clickstream/run.mjs

import { runExample, until } from '../harness.mjs';
import { logLoss, rocAuc } from '../measures.mjs';
import { shop, WITHIN_MINUTES } from './shop.mjs';

const VISITORS = 600;
const VISITS = 5_000;
/** From this visit on the model has learned enough to be compared with what is best. */
const LEARNED = 1_500;
/** Pages in a transaction, at most. */
const BATCH = 50;

const TABLES = `
create table visits (
  visit int primary key, visitor int not null, started_at timestamptz not null, last_at timestamptz not null, device text not null,
  source text not null, pages int not null, products int not null, baskets int not null, last_page text not null
);
create table purchases (visit int primary key, bought_at timestamptz not null);`;

const VIEWS = `
create view visit_features as
  select visit, started_at, device, source, pages, products, baskets, last_page,
         extract(epoch from last_at - started_at) / 60                 as minutes,
         count(*) over before                                          as visits_before,
         coalesce(sum(baskets) over before, 0)                         as baskets_before
  from visits
  window before as (partition by visitor order by started_at, visit rows between unbounded preceding and 1 preceding);
create view visit_labels as select visit, true as label, bought_at as label_at from purchases;`;

const PIPELINE = `
select millrace.create_pipeline('conversion', features => 'visit_features', event_time => 'started_at', clock => 'event_time',
  labels => 'visit_labels', label_wait => '${WITHIN_MINUTES} minutes', label_default => 'false', model => '{"kind": "logistic", "optimizer": {"name": "adagrad"}}');`;

const events = shop(VISITORS, VISITS, 11);

await runExample({ tables: TABLES, views: VIEWS, pipelines: PIPELINE, names: ['conversion'], play, report });

/**
 * Each page is an insert or update of its visit. A purchase is a transaction of its own: one that comes with its visit's last page is
 * measured on the score before that page.
 */
async function play(warehouse) {
  let pages = 0;
  for (const event of events) {
    if (event.kind === 'page') {
      if (pages === 0) await warehouse.query('begin');
      await see(warehouse, event);
      pages += 1;
    }
    if (pages > 0 && (pages === BATCH || event.kind === 'purchase')) {
      await warehouse.query('commit');
      pages = 0;
    }
    if (event.kind === 'purchase') await buy(warehouse, event);
  }
  if (pages > 0) await warehouse.query('commit');
  const bought = events.filter(({ kind }) => kind === 'purchase').length;
  await until(
    warehouse,
    `select from conversion_scores having count(*) = ${VISITS} and count(*) filter (where label = 'true') = ${bought}`,
  );
}

function see(warehouse, { visit, visitor, at, device, source, page }) {
  return warehouse.query({
    name: 'see',
    text: `insert into visits values ($1, $2, $3, $3, $4, $5, 1, ($6 = 'product')::int, ($6 = 'basket')::int, $6)
      on conflict (visit) do update set last_at = $3, pages = visits.pages + 1, products = visits.products + ($6 = 'product')::int,
        baskets = visits.baskets + ($6 = 'basket')::int, last_page = $6`,
    values: [visit, visitor, at, device, source, page],
  });
}

function buy(warehouse, { visit, at }) {
  return warehouse.query({ name: 'buy', text: 'insert into purchases values ($1, $2)', values: [visit, at] });
}

async function report(warehouse) {
  const { rows } = await warehouse.query(
    `select visit, measured_score as score, label::boolean as label, outputs from conversion_scores
      where label is not null and visit > ${LEARNED} order by visit`,
  );
  const last = new Map(events.filter(({ kind }) => kind === 'page').map((event) => [event.visit, event.chance]));
  const labels = rows.map((row) => row.label);
  const scores = rows.map((row) => row.score);
  const best = rows.map((row) => last.get(row.visit));
  const share = labels.filter(Boolean).length / labels.length;
  const figures = {
    visits: VISITS,
    pages: events.filter(({ kind }) => kind === 'page').length,
    measured: rows.length,
    share_true: share,
    roc_auc: { model: rocAuc(scores, labels), best: rocAuc(best, labels) },
    log_loss: {
      model: logLoss(scores, labels),
      best: logLoss(best, labels),
      share: logLoss(
        labels.map(() => share),
        labels,
      ),
    },
  };
  console.log(`${figures.pages} pages of ${VISITS} visits scored; of the ${rows.length} last whose end is known:\n`);
  console.log('           model   best possible   always the share');
  const line = (name, ...values) =>
    console.log(name.padEnd(10) + values.map((value, n) => value.toFixed(4).padStart([6, 16, 19][n])).join(''));
  line('ROC AUC', figures.roc_auc.model, figures.roc_auc.best, 0.5);
  line('log loss', figures.log_loss.model, figures.log_loss.best, figures.log_loss.share);
  console.log(`\n${JSON.stringify(figures)}`);
}
