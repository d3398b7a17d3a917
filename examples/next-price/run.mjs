// Forecasts the close of three stocks each morning, live: sessions are announced before the market opens, closes come in the evening.
//
//   npm run build && node examples/next-price/run.mjs [--warehouse URL] [--brokers HOST:PORT,…] [--data DIR]

import { runExample, until } from '../harness.mjs';
import { market, SYMBOLS } from './market.mjs';

const SESSIONS = 500;
/** From this session on the model has learned enough to be compared with what is best. */
const LEARNED = 100;

const TABLES = `
create table sessions (symbol text, day date, overnight float8 not null, primary key (symbol, day));
create table closes (symbol text, day date, close float8 not null, primary key (symbol, day));`;

const FEATURES = `
create view price_features as
  select symbol, day,
         symbol as stock, day as on_day,       -- the series and its time, which are no features
         overnight,                            -- the move before the market opens
         extract(isodow from day) = 1 as monday
  from sessions;`;

const LABELS = `
create view price_labels as select symbol, day, close as label from closes;`;

const PIPELINE = `
select millrace.create_pipeline('next_price', features => 'price_features', key => 'symbol, day', labels => 'price_labels',
  model => '{"kind": "autoregression", "series": "stock", "time": "on_day", "p": 1, "horizon": 5, "interval": 0.9}');`;

const days = market(SESSIONS, 7);

await runExample({
  tables: TABLES,
  views: FEATURES + LABELS,
  pipelines: PIPELINE,
  names: ['next_price'],
  play,
  report,
});

/** In the morning the day's sessions are a transaction, in the evening their closes another. */
async function play(warehouse) {
  for (const stocks of days) {
    const column = (name) => stocks.map((stock) => stock[name]);
    await warehouse.query(
      'insert into sessions select * from unnest($1::text[], $2::date[], $3::float8[])',
      ['symbol', 'day', 'overnight'].map(column),
    );
    await warehouse.query(
      'insert into closes select * from unnest($1::text[], $2::date[], $3::float8[])',
      ['symbol', 'day', 'close'].map(column),
    );
  }
  await until(
    warehouse,
    `select from millrace.metrics where pipeline = 'next_price' and period = 'all' and metric = 'mae' and examples = ${SESSIONS * SYMBOLS.length}`,
  );
}

/** Errors as a share of the price, beside what was possible; how many closes fell between the bounds, 1 and 5 sessions ahead. */
async function report(warehouse) {
  const { rows: metrics } = await warehouse.query(
    `select metric, value, examples::int from millrace.metrics where pipeline = 'next_price' and period = 'all'`,
  );
  const { rows } = await warehouse.query(
    `select symbol, day::text, measured_score as score, label::float8 as close, outputs,
            lead(label::float8, 4) over (partition by symbol order by day) as fifth
       from next_price_scores order by day, symbol`,
  );
  const said = rows.slice(LEARNED * SYMBOLS.length);
  const known = days.flat().slice(LEARNED * SYMBOLS.length);
  const mean = (of) => said.reduce((sum, row, n) => sum + of(row, known[n]), 0) / said.length;
  const share = (low, high, close) => {
    const ended = said.filter((row) => close(row) !== null);
    return (
      ended.filter((row) => row.outputs[low] <= close(row) && close(row) <= row.outputs[high]).length / ended.length
    );
  };
  const errors = {
    model: mean(({ score, close }) => Math.abs(score - close) / close),
    best: mean((_, { best, close }) => Math.abs(best - close) / close),
    no_change: mean((_, { before, close }) => Math.abs(before - close) / close),
  };
  const coverage = {
    next: share('1_low', '1_high', ({ close }) => close),
    fifth: share('5_low', '5_high', ({ fifth }) => fifth),
  };
  const percent = (value) => `${(100 * value).toFixed(2)} %`;
  console.log(`${rows.length} closes forecast and learned; from the ${LEARNED + 1}st session on, in the mean\n`);
  console.log(`off by           ${percent(errors.model)}`);
  console.log(`best possible    ${percent(errors.best)}`);
  console.log(`no change        ${percent(errors.no_change)}\n`);
  console.log(
    `between the bounds that 90 % should be: ${percent(coverage.next)}, five sessions ahead ${percent(coverage.fifth)}`,
  );
  const figures = Object.fromEntries(metrics.map(({ metric, value }) => [metric, value]));
  console.log(`\n${JSON.stringify({ metrics: figures, rows: rows.length, errors, coverage })}`);
}
