// Learns live which web sites are phishing: sites arrive one by one, the truth about each in a later transaction.
//
//   npm run build && node examples/phishing/run.mjs

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runExample, until } from '../harness.mjs';

const TABLES = `
create table sites (
  site int primary key, seen_at timestamptz not null,
  empty_server_form_handler float8, popup_window float8, https float8, request_from_other_domain float8,
  anchor_from_other_domain float8, is_popular float8, long_url float8, age_of_domain float8, ip_in_url float8
);
create table reports (site int primary key, is_phishing boolean not null);`;

const FEATURES = `
create view site_features as
  select site, seen_at, empty_server_form_handler, popup_window, https, request_from_other_domain,
         anchor_from_other_domain, is_popular, long_url, age_of_domain, ip_in_url
  from sites;`;

const LABELS = `
create view site_labels as select site, is_phishing as label from reports;`;

const PIPELINE = `
select millrace.create_pipeline('phishing', features => 'site_features', event_time => 'seen_at',
  labels => 'site_labels', model => '{"kind": "logistic"}');`;

/** River 0.26.1, `preprocessing.StandardScaler() | linear_model.LogisticRegression()`, progressive validation on the same rows. */
const RIVER = { accuracy: 0.8928, log_loss: 0.33 };

await runExample({ tables: TABLES, views: FEATURES + LABELS, pipelines: PIPELINE, names: ['phishing'], play, report });

/** Each site is a transaction, and what it turned out to be another, before the next site comes. */
async function play(warehouse) {
  const [, ...rows] = readFileSync(path.join(import.meta.dirname, 'phishing.csv'), 'utf8')
    .trim()
    .split(/\r?\n/);
  const firstMs = Date.parse('2026-01-01T00:00:00Z');
  for (const [index, row] of rows.entries()) {
    const cells = row.split(',');
    const seenAt = new Date(firstMs + index * 60_000).toISOString();
    await warehouse.query('insert into sites values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)', [
      index + 1,
      seenAt,
      ...cells.slice(0, -1),
    ]);
    await warehouse.query('insert into reports values ($1, $2)', [index + 1, cells.at(-1) === '1']);
  }
  await until(
    warehouse,
    `select from millrace.metrics where pipeline = 'phishing' and period = 'all' and metric = 'accuracy' and examples = ${rows.length}`,
  );
}

/** The figures twice: as Millrace kept them while it ran, and worked out here from the score table. */
async function report(warehouse) {
  const { rows: metrics } = await warehouse.query(
    `select metric, value, baseline, examples::int from millrace.metrics where pipeline = 'phishing' and period = 'all'`,
  );
  const { rows } = await warehouse.query(
    `select count(*)::int as sites,
            avg(((measured_score > 0.5) = label::boolean)::int)::float8 as accuracy,
            avg(-ln(greatest(1e-15, case when label::boolean then measured_score else 1 - measured_score end)) order by site)::float8 as log_loss
       from phishing_scores`,
  );
  const scores = rows[0];
  console.log(`${scores.sites} sites scored, ${metrics[0]?.examples} learned\n`);
  console.log('           millrace.metrics   score table    River   trivial');
  for (const name of ['accuracy', 'log_loss']) {
    const { value, baseline } = metrics.find(({ metric }) => metric === name);
    const cells = [
      value.toFixed(4).padStart(16),
      scores[name].toFixed(4).padStart(13),
      RIVER[name].toFixed(4).padStart(8),
    ];
    console.log(`${name.padEnd(11)}${cells.join(' ')}${baseline.toFixed(4).padStart(10)}`);
  }
  const figures = Object.fromEntries(metrics.map(({ metric, value }) => [metric, value]));
  console.log(`\n${JSON.stringify({ metrics: figures, scores })}`);
}
