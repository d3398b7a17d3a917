// Measures one of our models for `npm run bench -- learners`: the same commands as bench/river/learners.py, a line each.
// A process of its own for every model, so that none runs code that was compiled for another.

import { createInterface } from 'node:readline';
import type { ModelOptions } from '../../src/flow/pipeline.ts';
import { createModel } from '../../src/model/create-model.ts';
import type { FeatureRow, LearnedTask, Model } from '../../src/model/model.ts';
import { LABELS, readTable, type Table } from './table.ts';

interface Command {
  readonly do: 'open' | 'learn' | 'predict' | 'size';
  readonly options?: ModelOptions;
  readonly file?: string;
  readonly target?: string;
  readonly task?: LearnedTask;
  readonly events?: number;
}

/** As many passes are measured as take so long: one of a small dataset is too short. */
const LEAST_US = 250_000;
const MOST_PASSES = 1000;

let table: Table;
let task: LearnedTask;
let options: ModelOptions;
let model: Model;

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  console.log(JSON.stringify(await answer(command)));
}

async function answer(command: Command): Promise<Record<string, unknown>> {
  if (command.do === 'open') {
    table = readTable(command.file!, command.target!, command.task!);
    task = command.task!;
    // What River's models do not do either. `npm run bench -- learn` measures models as they are.
    options = { drift: { signals: [] }, ...command.options! };
    return { rows: table.examples.length };
  }
  if (command.do === 'size') return { bytes: model.bytes, saved: model.save().length };
  const examples = table.examples.slice(0, command.events);
  if (command.do === 'learn')
    return await measured(examples.length, async () => {
      const own = await newModel();
      // The last one's size is what is asked for afterwards.
      model = own;
      const batch: FeatureRow[] = [];
      return () => {
        for (const example of examples) {
          batch[0] = example.features;
          own.predictMany(batch);
          if (own.learnsArrivals) own.observe(example.features);
          own.learn(example);
        }
      };
    });
  const rows = examples.slice(-2000).map((example) => example.features);
  return await measured(rows.length, async () => () => model.predictMany(rows));
}

function newModel(): Promise<Model> {
  return createModel({ options, features: table.columns, label: LABELS[task], seed: 1 });
}

/**
 * Processor time of the whole process, its compiler's and collector's threads included. Each pass has a model of its own, made
 * before any is timed.
 */
async function measured(events: number, prepare: () => Promise<() => unknown>): Promise<{ us: number }> {
  const once = timed([await prepare()]);
  const passes: (() => unknown)[] = [];
  for (let left = Math.min(MOST_PASSES, Math.ceil(LEAST_US / once)); left > 0; left--) passes.push(await prepare());
  return { us: timed(passes) / (passes.length * events) };
}

/** In µs. */
function timed(passes: readonly (() => unknown)[]): number {
  const started = process.cpuUsage();
  for (const pass of passes) pass();
  const { user, system } = process.cpuUsage(started);
  return user + system;
}
