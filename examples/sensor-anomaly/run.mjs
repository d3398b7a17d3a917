// Finds faults of pumps without having been told of any: two kinds of model score every reading as it arrives. What the faults were is
// known here alone, and compared with the alerts at the end. Run it by
//
//   npm run build && node examples/sensor-anomaly/run.mjs [--warehouse URL] [--brokers HOST:PORT,…] [--data DIR]

import { runExample, until } from '../harness.mjs';
import { pumps } from './pumps.mjs';

const tables = `
create table readings (
  id int primary key, machine int not null, measured_at timestamptz not null,
  temperature float8 not null, vibration float8 not null, pressure float8 not null, current float8 not null
);`;

// What a reading is to its own machine's last day, last ten readings, and to itself; so a model of single rows sees time.
const views = `
create view pump_features as
  select id, measured_at,
         temperature - avg(temperature) over day as temperature_off,
         vibration / avg(vibration) over day as vibration_rise,
         pressure / sqrt(current) as pressure_for_current,
         ln(0.01 + stddev_samp(temperature) over recent) as temperature_unrest
    from readings
  window day as (partition by machine order by measured_at range between interval '1 day' preceding and current row),
         recent as (partition by machine order by measured_at, id rows between 9 preceding and current row);`;

const KINDS = {
  half_space_trees: '{"kind": "half_space_trees", "n_trees": 25}',
  gaussian_scorer: '{"kind": "gaussian_scorer"}',
};

const pipelines = Object.entries(KINDS)
  .map(
    ([kind, model]) => `
select millrace.create_pipeline('${kind}', features => 'pump_features', event_time => 'measured_at',
  model => '${model}', alert_when => 'score > 0.99');`,
  )
  .join('');

const { readings, faults } = pumps(1);

await runExample({ tables, views, pipelines, names: Object.keys(KINDS), play, report });

/** An hour of readings is a transaction. */
async function play(warehouse) {
  for (let from = 0; from < readings.length; from += 120) {
    const some = JSON.stringify(
      readings.slice(from, from + 120).map(({ at, ...reading }) => ({ ...reading, measured_at: at })),
    );
    await warehouse.query('insert into readings select * from json_populate_recordset(null::readings, $1)', [some]);
  }
  for (const kind of Object.keys(KINDS))
    await until(
      warehouse,
      `select 1 from (select count(score) as n from ${kind}_scores) s where n = ${readings.length}`,
    );
}

async function report(warehouse) {
  const figures = {};
  console.log(`${readings.length} readings, ${faults.length} faults that no model was told of\n`);
  for (const kind of Object.keys(KINDS)) {
    const { rows: alerts } = await warehouse.query(
      `select r.machine, r.measured_at as at, s.score, s.explanation -> 0 ->> 'feature' as named
         from millrace.alerts a
         join readings r on r.id = (a.key::json ->> 0)::int
         join ${kind}_scores s on s.id = r.id
        where a.pipeline = '${kind}' order by a.id`,
    );
    const of = (fault) =>
      alerts.filter(
        ({ machine, at }) => machine === fault.machine && at >= new Date(fault.from) && at <= new Date(fault.to),
      );
    const found = faults.filter((fault) => of(fault).length > 0);
    const right = faults.reduce((sum, fault) => sum + of(fault).length, 0);
    figures[kind] = {
      alerts: alerts.length,
      precision: right / alerts.length,
      recall: found.length / faults.length,
      found: Object.fromEntries(
        [...new Set(faults.map((fault) => fault.kind))].map((name) => [
          name,
          found.filter((fault) => fault.kind === name).length,
        ]),
      ),
      named: Object.fromEntries(found.map((fault) => [fault.kind, mostNamed(of(fault))])),
    };
    console.log(
      `${kind}: ${alerts.length} alerts, ${right} of them at a fault; ${found.length} of ${faults.length} faults found`,
    );
    for (const fault of faults)
      console.log(
        `  ${fault.kind.padEnd(6)} pump ${fault.machine} ${fault.from}  ${String(of(fault).length).padStart(3)} alerts  ${mostNamed(of(fault)) ?? ''}`,
      );
  }
  console.log(`\n${JSON.stringify(figures)}`);
}

/** The feature that most of the alerts' explanations name first. */
function mostNamed(alerts) {
  const counts = new Map();
  for (const { named } of alerts) counts.set(named, (counts.get(named) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
