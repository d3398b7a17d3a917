// How fast the model scores and learns, alone: from a row as JSON.parse gives it, prequentially, on phishing and on rows like the
// demo's.

import { readFileSync } from 'node:fs';
import type { ColumnType } from '../src/flow/pipeline.ts';
import { createModel } from '../src/model/create-model.ts';
import type { FeatureRow, TrainingExample } from '../src/model/model.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const EVENTS = 200_000;
const BOOLEAN = 16;

export async function measure(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const stream of [phishing(), payments()]) {
    await run('logistic', stream, EVENTS / 10);
    const { both, predict } = await run('logistic', stream, EVENTS);
    figures.push(
      { name: `learn, ${stream.name}: predict and learn`, value: both, unit: 'µs per event' },
      { name: `learn, ${stream.name}: predict`, value: predict, unit: 'µs per event' },
      { name: `learn, ${stream.name}: predict and learn`, value: Math.round(1e6 / both), unit: 'events/s' },
    );
    const auto = await run('auto', stream, EVENTS);
    figures.push(
      { name: `learn, ${stream.name}: auto`, value: auto.both, unit: 'µs per event' },
      { name: `learn, ${stream.name}: auto after its race`, value: auto.steady, unit: 'µs per event' },
      { name: `learn, ${stream.name}: auto after its race, predict`, value: auto.predict, unit: 'µs per event' },
    );
  }
  return figures;
}

interface Stream {
  readonly name: string;
  readonly columns: readonly ColumnType[];
  readonly examples: readonly TrainingExample[];
}

/** By then the race of `auto` is over. */
const RACE = 20_000;

/** µs per event over `events` of them, repeating the examples as often as it takes; `steady` of those after the first thousands. */
async function run(kind: string, { columns, examples }: Stream, events: number) {
  const model = await createModel({
    options: { kind },
    features: columns,
    label: { name: 'label', typeOid: BOOLEAN, type: 'boolean' },
    seed: 1,
  });
  const batch: FeatureRow[] = [];
  const started = performance.now();
  let raced = started;
  for (let i = 0; i < events; i++) {
    if (i === RACE) raced = performance.now();
    const example = examples[i % examples.length]!;
    batch[0] = example.features;
    model.predictMany(batch);
    model.learn(example);
  }
  const ended = performance.now();
  const rows = examples.map((example) => example.features);
  const rounds = Math.ceil(events / rows.length);
  const again = performance.now();
  for (let round = 0; round < rounds; round++) model.predictMany(rows);
  return {
    both: ((ended - started) * 1000) / events,
    steady: ((ended - raced) * 1000) / (events - RACE),
    predict: ((performance.now() - again) * 1000) / (rounds * rows.length),
  };
}

function phishing() {
  const csv = readFileSync('examples/phishing/phishing.csv', 'utf8');
  const [header, ...lines] = csv.trim().split('\n');
  const names = header!.trim().split(',').slice(0, -1);
  const columns = names.map((name) => ({ name, typeOid: 701, type: 'double precision' }));
  const examples = lines.map((line) => {
    const values = line.trim().split(',').map(Number);
    // Through JSON, as the sink gets its rows.
    const features = JSON.parse(
      JSON.stringify(Object.fromEntries(names.map((name, i) => [name, values[i]]))),
    ) as FeatureRow;
    return { features, target: values.at(-1)!, weight: 1 };
  });
  return { name: 'phishing', columns, examples };
}

/** Eleven features as the demo's view has them: numbers, some NULL; three texts; a boolean. */
function payments() {
  const types: [string, number, string][] = [
    ['amount', 1700, 'numeric'],
    ['currency', 25, 'text'],
    ['category', 25, 'text'],
    ['channel', 25, 'text'],
    ['hour', 1700, 'numeric'],
    ['country_missing', BOOLEAN, 'boolean'],
    ['payments_1h', 20, 'bigint'],
    ['spent_1h', 1700, 'numeric'],
    ['amount_vs_usual', 1700, 'numeric'],
    ['largest_24h', 1700, 'numeric'],
    ['seconds_since_last', 1700, 'numeric'],
  ];
  const columns = types.map(([name, typeOid, type]) => ({ name, typeOid, type }));
  const examples = Array.from({ length: 5000 }, (_, i) => {
    const amount = ((i * 7919) % 10_000) / 100;
    const row = {
      amount,
      currency: ['eur', 'usd', 'gbp', 'pln', 'unknown'][i % 5],
      category: `category ${i % 8}`,
      channel: ['chip', 'online', 'contactless'][i % 3],
      hour: i % 24,
      country_missing: i % 50 === 0,
      payments_1h: 1 + (i % 3),
      spent_1h: amount * 1.5,
      amount_vs_usual: i % 20 === 0 ? null : amount / 50,
      largest_24h: amount * 2,
      seconds_since_last: i % 10 === 0 ? null : (i * 31) % 90_000,
    };
    return { features: JSON.parse(JSON.stringify(row)) as FeatureRow, target: Number(i % 60 === 0), weight: 1 };
  });
  return { name: 'payments', columns, examples };
}
