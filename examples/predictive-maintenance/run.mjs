// Foresees which pumps break down within a day: one failure labels every reading of the 24 hours before it, all others become
// false when their 24 hours are over.
//
//   npm run build && node examples/predictive-maintenance/run.mjs

import { runExample, until } from '../harness.mjs';
import { rocAuc } from '../measures.mjs';
import { plant, WITHIN_HOURS } from './plant.mjs';

const PUMPS = 30;
const HOURS = 24 * 30;
/** From this hour on the model has learned enough to be compared with what is best. */
const LEARNED = 24 * 10;

const TABLES = `
create table readings (
  id bigint primary key, pump int not null, run int not null, at timestamptz not null,
  load float8 not null, vibration float8 not null, temperature float8 not null
);
create index on readings (pump, at);
create table breakdowns (pump int, at timestamptz, primary key (pump, at));

-- Every reading of the ${WITHIN_HOURS} hours before a breakdown, by the warehouse itself: a label view reads one table.
create table readings_before_breakdown (reading bigint primary key);
create function mark_readings() returns trigger language plpgsql as $$
begin
  insert into readings_before_breakdown
    select r.id from readings r
     where r.pump = new.pump and r.at > new.at - interval '${WITHIN_HOURS} hours' and r.at <= new.at
    on conflict do nothing;
  return new;
end $$;
create trigger mark_readings after insert on breakdowns for each row execute function mark_readings();`;

const VIEWS = `
create view pump_features as
  select id, at, load, vibration, temperature,
         vibration / avg(vibration) over since_repair               as vibration_vs_usual,
         avg(vibration) over last_6h / avg(vibration) over since_repair as last_6h_vs_usual,
         temperature - 20 * load                                     as heat,
         avg(temperature - 20 * load) over last_6h                   as heat_6h,
         count(*) over since_repair                                  as hours_since_repair
  from readings
  window since_repair as (partition by pump, run order by at range between unbounded preceding and current row),
         last_6h as (partition by pump, run order by at range between '6 hours' preceding and current row);
create view pump_labels as select reading as id, true as label from readings_before_breakdown;`;

const PIPELINE = `
select millrace.create_pipeline('breakdown', features => 'pump_features', key => 'id', event_time => 'at', clock => 'event_time',
  labels => 'pump_labels', label_wait => '${WITHIN_HOURS} hours', label_default => 'false',
  model => '{"kind": "logistic", "explain": "alerts"}', alert_when => 'score > 0.5');`;

const hours = [...plant(PUMPS, HOURS, 7)];

await runExample({ tables: TABLES, views: VIEWS, pipelines: PIPELINE, names: ['breakdown'], play, report });

/** Each hour its readings are a transaction, and what broke down at its end another. */
async function play(warehouse) {
  let rows = 0;
  for (const { at, readings, broken } of hours) {
    const column = (name) => readings.map((reading) => reading[name]);
    await warehouse.query(
      `insert into readings select * from unnest($1::bigint[], $2::int[], $3::int[], $4::timestamptz[], $5::float8[], $6::float8[], $7::float8[])`,
      ['id', 'pump', 'run', 'at', 'load', 'vibration', 'temperature'].map(column),
    );
    for (const pump of broken) await warehouse.query('insert into breakdowns values ($1, $2)', [pump, at]);
    rows += readings.length;
  }
  await until(warehouse, `select from breakdown_scores having count(*) = ${rows}`);
}

async function report(warehouse) {
  const { rows } = await warehouse.query(
    `select s.id::int, measured_score as score, label::boolean as label
       from breakdown_scores s where label is not null and event_time >= '${hours[LEARNED].at}' order by s.id`,
  );
  const best = new Map(hours.flatMap(({ readings }) => readings.map((reading) => [reading.id, reading.best])));
  const { rows: ahead } = await warehouse.query(
    `select b.pump, min(b.at - r.at) filter (where s.measured_score > 0.5) is not null as foreseen,
            extract(epoch from max(b.at - r.at) filter (where s.measured_score > 0.5)) / 3600 as hours
       from breakdowns b
       join readings r on r.pump = b.pump and r.at > b.at - interval '${WITHIN_HOURS} hours' and r.at <= b.at
       join breakdown_scores s on s.id = r.id
      where b.at >= '${hours[LEARNED].at}'
      group by b.pump, b.at`,
  );
  const labels = rows.map((row) => row.label);
  const alarms = rows.filter((row) => row.score > 0.5);
  const figures = {
    readings: best.size,
    measured: rows.length,
    share_true: labels.filter(Boolean).length / labels.length,
    roc_auc: {
      model: rocAuc(
        rows.map((row) => row.score),
        labels,
      ),
      best: rocAuc(
        rows.map((row) => best.get(row.id)),
        labels,
      ),
    },
    breakdowns: ahead.length,
    foreseen: ahead.filter((one) => one.foreseen).length,
    hours_ahead: median(ahead.filter((one) => one.foreseen).map((one) => Number(one.hours))),
    precision: alarms.filter((row) => row.label).length / alarms.length,
    best_precision: precision(rows, (row) => best.get(row.id)),
    alerts: Number(
      (await warehouse.query(`select count(*) from millrace.alerts where pipeline = 'breakdown'`)).rows[0].count,
    ),
  };
  console.log(
    `${figures.readings} readings scored; of the ${figures.measured} since the ${LEARNED / 24}th day whose truth is known:\n`,
  );
  console.log(
    `ROC AUC                  ${figures.roc_auc.model.toFixed(4)}, the best possible ${figures.roc_auc.best.toFixed(4)}`,
  );
  console.log(
    `breakdowns foreseen      ${figures.foreseen} of ${figures.breakdowns}, half of them ${figures.hours_ahead} hours ahead or more`,
  );
  console.log(
    `alarms that were right   ${(100 * figures.precision).toFixed(1)} %, at best ${(100 * figures.best_precision).toFixed(1)} %`,
  );
  console.log(`\n${JSON.stringify(figures)}`);
}

/** Share of right ones among those said above one half. */
function precision(rows, scoreOf) {
  const said = rows.filter((row) => scoreOf(row) > 0.5);
  return said.filter((row) => row.label).length / said.length;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
