// A model that is trained beside the serving one and may take its place: at the same example, whatever the pace of its training,
// batches, restarts and kills.

import { expect, test } from 'vitest';
import type { RetrainCommand, SinkDefinition } from '../../src/flow/pipeline.ts';
import type { StreamRecord } from '../../src/flow/record.ts';
import { createModel } from '../../src/model/create-model.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import { isAboveItem } from '../../src/scores/item-position.ts';
import type { ItemPosition } from '../../src/scores/score-store.ts';
import type { StoredExamples } from '../../src/scores/retraining.ts';
import { splitParts } from '../../src/sink/checkpoint-parts.ts';
import type { SinkPorts, SinkReport } from '../../src/sink/ports.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { killedOften } from './killed-often.ts';
import { definition, ports, runToEnd, seeded } from './history.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };
const COMMITS = 700;
/** Learns so slowly that it says next to nothing. */
const poor: SinkDefinition = {
  ...definition,
  model: { kind: 'logistic', save_every: 50, optimizer: { name: 'sgd', lr: 1e-6 } },
};
const good = { kind: 'logistic', save_every: 50, optimizer: { name: 'adam', lr: 0.05 } };

const retrain = (command: number, model: Record<string, unknown> | undefined, patience = 5_000): RetrainCommand => ({
  command,
  ...(model === undefined ? {} : { train: { model: { kind: 'logistic', ...model }, examples: 1_000, patience } }),
});

interface Given {
  readonly commits?: number;
  readonly partitions?: number;
  /** Of the definition from the beginning. */
  readonly with?: Partial<SinkDefinition>;
}

/**
 * Large amounts are fraud. Every commit brings a row and the label of an earlier one; sometimes a row is scored again or deleted, a
 * label changed or withdrawn. The definition changes after the given shares of the commits.
 */
function changing(
  seed: number,
  changes: readonly (readonly [number, Partial<SinkDefinition>])[],
  { commits = COMMITS, partitions = 1, with: different }: Given = {},
): StreamRecord[] {
  const first = { ...poor, ...different };
  const random = seeded(seed);
  const records: StreamRecord[] = [];
  const amounts: number[] = [];
  let lsn = 0n;
  let clockUs = 1_700_000_000_000_000;
  let n = 0;
  const put = (body: StreamRecord['body'], key: number | undefined): void => {
    for (const partition of key === undefined ? [...Array(partitions).keys()] : [key % partitions]) {
      records.push({ position: { lsn, n }, partition, commitTimeUs: clockUs, body });
      n += 1;
    }
  };
  const features = (key: number): void => {
    amounts[key] = random() * 100;
    const eventTimeUs = clockUs - Math.floor(random() * 5) * 1_000_000;
    const eventTime = new Date(eventTimeUs / 1000).toISOString().replace('T', ' ').replace('Z', '+00');
    const text = `{"amount":${amounts[key].toFixed(2)},"currency":"${['eur', 'usd'][Math.floor(random() * 2)]}"}`;
    put({ kind: 'features', key: `["${key}"]`, eventTime, eventTimeUs, features: text, late: false }, key);
  };
  const label = (key: number, text: string | null): void =>
    put({ kind: 'label', key: `["${key}"]`, label: text, labelAtUs: null, weight: 1 + (key % 3) }, key);
  const progress = (of: SinkDefinition | undefined, phase: 'backfill' | 'live'): void =>
    put({ kind: 'progress', clockUs, phase, definition: of }, undefined);
  progress(first, 'backfill');
  const left = changes.map(([share, change], index) => ({
    commit: Math.floor(commits * share),
    definition: { ...first, ...change, revision: index + 2 },
  }));
  for (let commit = 1; commit <= commits; commit++) {
    lsn = BigInt(commit) * 100n;
    n = 0;
    clockUs += 2_000_000;
    while (left[0] !== undefined && left[0].commit < commit) progress(left.shift()!.definition, 'live');
    if (commit % 7 === 0) progress(undefined, 'live');
    features(commit);
    if (commit > 3 && random() < 0.9) label(commit - 3, String(amounts[commit - 3]! > 60));
    const earlier = 1 + Math.floor(random() * commit);
    const what = random();
    if (what < 0.15 && earlier < commit - 3) features(earlier);
    else if (what < 0.2) put({ kind: 'delete', key: `["${earlier}"]` }, earlier);
    else if (what < 0.25 && earlier < commit - 3) label(earlier, random() < 0.5 ? null : String(random() < 0.5));
  }
  return records;
}

interface Run {
  readonly fetch?: () => number;
  readonly lives?: number;
  readonly store?: MemoryScoreStore;
  readonly partitions?: number;
}

async function run(records: readonly StreamRecord[], given: Run = {}) {
  const { fetch = () => 50, lives = 1, store = new MemoryScoreStore(), partitions = 1 } = given;
  let last: SinkReport | undefined;
  for (let life = 1; life <= lives; life++) {
    const log = new ArrayLog(topic, partitions, fetch);
    log.append(records.slice(0, Math.ceil((records.length * life) / lives)));
    last = await runToEnd(ports(log, store, seeded(1)));
  }
  const { versions, retrainings, checkpoint } = store.generation(topic);
  const ends = [...retrainings.all.values()].flatMap(({ end }) => end ?? []);
  return { store, last: last!, versions, ends, retrainings: retrainings.all, checkpoint: checkpoint! };
}

const WON = [[0.4, { retrain: retrain(2, good) }]] as const;

test('a model that does better takes the place of the serving one, which is saved as it was', async () => {
  const { versions, ends, retrainings, store, last } = await run(changing(1, WON));
  expect(last).toMatchObject({ state: 'caught up', reason: undefined });
  expect(ends).toHaveLength(1);
  const [end] = ends;
  expect(end).toMatchObject({ command: 2, state: 'promoted', model: JSON.stringify({ ...good }) });
  expect(end!.loss!).toBeLessThan(end!.servingLoss!);
  expect(end!.judged).toBeGreaterThanOrEqual(200);
  const { examples } = retrainings.get(2)!;
  expect(examples.length).toBeGreaterThan(50);
  expect(end!.trained).toBe(examples.length);
  const at = versions.findIndex(({ reason }) => reason.startsWith('retrained: '));
  const won = versions[at]!;
  expect(won).toMatchObject({ version: end!.version, options: { model: good, asked: poor.model } });
  // It has learned what was stored, and then what came: what it was compared on, and what came before that.
  expect(won.examples).toBe(examples.length + Math.ceil(examples.length / 20) + end!.judged);
  const before = versions[at - 1]!;
  expect(before).toMatchObject({ version: won.version - 1, options: { model: poor.model, asked: null } });
  expect(before.reason).toMatch(/^\d+ examples, then retrained$/);
  expect(before.cursors).toEqual(won.cursors);
  // Every later version has its options, and scores come of it.
  expect(versions.slice(at).map(({ options }) => options.model)).toEqual(versions.slice(at).map(() => good));
  const calm = await run(changing(1, []));
  const scores = (from: MemoryScoreStore): (number | null)[] =>
    [...from.tables.get('public.fraud_scores')!.values()].map(({ score }) => score);
  expect(scores(store)).not.toEqual(scores(calm.store));
});

test('one that does no better is given up after so many examples, and nothing else differs', async () => {
  const changed = await run(changing(2, [[0.3, { retrain: retrain(2, { ...poor.model, l2: 0.5 }, 250) }]]));
  expect(changed.ends).toMatchObject([
    {
      command: 2,
      state: 'dropped',
      judged: 250,
      version: null,
      reason: expect.stringMatching(
        /^not better beyond chance: mean loss [\d.e-]+ beside [\d.e-]+ of the one that served, over 250 examples, /,
      ) as string,
    },
  ]);
  const calm = await run(changing(2, [[0.3, {}]]));
  expect(changed.versions).toEqual(calm.versions);
  expect(changed.store.tables).toEqual(calm.store.tables);
  expect(splitParts(changed.checkpoint.metrics).challenger).toBeUndefined();
});

test('examples that are learned once more are those of the copy or of the stream, never of both', async () => {
  const { versions, ends } = await run(changing(3, WON), { fetch: () => 7 });
  const other = await run(changing(3, WON), { fetch: () => 5_000 });
  expect(ends[0]!.state).toBe('promoted');
  expect(other.versions).toEqual(versions);
});

const CANCELLED = [WON[0], [0.45, { retrain: retrain(3, undefined) }]] as const;

test('one that is cancelled is gone, and the model goes on as if it had never been', async () => {
  const changed = await run(changing(1, CANCELLED));
  expect(changed.ends).toMatchObject([{ command: 2, state: 'cancelled', reason: 'it was cancelled' }]);
  const calm = await run(
    changing(1, [
      [0.4, {}],
      [0.45, {}],
    ]),
  );
  expect(changed.versions).toEqual(calm.versions);
  expect(changed.store.tables).toEqual(calm.store.tables);
});

test('another one takes the place of the one before', async () => {
  const { ends } = await run(changing(1, [WON[0], [0.45, { retrain: retrain(3, good) }]]));
  expect(ends).toMatchObject([
    { command: 2, state: 'cancelled', reason: 'another one was asked for' },
    { command: 3, state: 'promoted' },
  ]);
});

const refusals: [string, Record<string, unknown>, RegExp][] = [
  ['an unknown option', { l22: 1 }, /unknown model option "l22"/],
  ['another task', { kind: 'linear' }, /needs a numeric label/],
  ['a model that learns no labels', { kind: 'half_space_trees' }, /learns nothing from labels/],
  ['no model', { kind: 'none' }, /learns nothing from labels/],
];
test.each(refusals)('%s is refused, says so, and nothing else differs', async (_, model, reason) => {
  const changed = await run(changing(2, [[0.4, { retrain: retrain(2, model) }]]));
  expect(changed.last).toMatchObject({ state: 'caught up', reason: expect.stringMatching(reason) as string });
  expect(changed.last.hint).toContain(`millrace.cancel_retrain('fraud')`);
  expect(changed.ends).toMatchObject([
    { command: 2, state: 'refused', reason: expect.stringMatching(reason) as string },
  ]);
  const calm = await run(changing(2, [[0.4, {}]]));
  expect(changed.versions).toEqual(calm.versions);
  expect(changed.store.tables).toEqual(calm.store.tables);
});

test('options that won stay in force when something else changes, until other options are asked for', async () => {
  const asked = { retrain: retrain(2, good) };
  const changed = await run(changing(1, [WON[0], [0.9, { ...asked, labelWaitUs: 30_000_000 }]]));
  expect(changed.ends[0]!.state).toBe('promoted');
  expect(changed.versions.at(-1)!.options).toEqual({ model: good, asked: poor.model });
  expect(changed.versions.map(({ reason }) => reason)).not.toContain('options changed');
  const model = { ...good, l2: 0.01 };
  const altered = await run(
    changing(1, [WON[0], [0.9, { ...asked, model }], [0.95, { ...asked, model: poor.model }]]),
    { lives: 40 },
  );
  const last = altered.versions.filter(({ reason }) => reason === 'options changed');
  expect(last.map(({ options }) => options)).toEqual([
    { model, asked: null },
    // Asked for anew, so it is what was meant.
    { model: poor.model, asked: null },
  ]);
});

test('the options that won, asked for, change nothing', async () => {
  const asked = { retrain: retrain(2, good) };
  const { versions, last } = await run(changing(1, [WON[0], [0.9, { ...asked, model: good }]]));
  expect(last.reason).toBeUndefined();
  expect(versions.map(({ reason }) => reason)).not.toContain('options changed');
  expect(versions.at(-1)!.options).toEqual({ model: good, asked: null });
});

test('a rollback brings back what served before, with its options, and promoting the winner its own', async () => {
  const asked = { retrain: retrain(2, good) };
  const first = await run(changing(1, WON));
  const won = first.ends[0]!.version!;
  const back = { ...asked, promote: { version: won - 1, command: 3 } };
  const { versions, last } = await run(
    changing(1, [WON[0], [0.9, back], [0.95, { ...asked, promote: { version: won, command: 4 } }]]),
    { lives: 20 },
  );
  expect(last.reason).toBeUndefined();
  const find = (reason: string) => versions.find((version) => version.reason === reason)!;
  const [before, after] = [find(`version ${won - 1} promoted`), find(`version ${won} promoted`)];
  expect(before.options).toEqual({ model: poor.model, asked: null });
  expect(Buffer.compare(before.state, versions.find(({ version }) => version === won - 1)!.state)).toBe(0);
  expect(after.options).toEqual({ model: good, asked: poor.model });
});

test('a promotion meanwhile is compared anew, and what was altered meanwhile goes on beside it', async () => {
  const { retrain: command } = WON[0][1];
  const calm = await run(changing(1, WON));
  const changed = await run(changing(1, [WON[0], [0.5, { retrain: command, promote: { version: 1, command: 3 } }]]));
  expect(changed.ends).toMatchObject([{ state: 'promoted' }]);
  expect(changed.versions.find(({ version }) => version === changed.ends[0]!.version)!.examples).toBeGreaterThan(
    calm.versions.find(({ version }) => version === calm.ends[0]!.version)!.examples,
  );
  const altered = await run(
    changing(1, [WON[0], [0.5, { retrain: command, model: { ...poor.model, save_every: 30 } }]]),
  );
  expect(altered.ends).toMatchObject([{ state: 'promoted', judged: calm.ends[0]!.judged }]);
});

test('where nothing is stored it learns from the stream alone', async () => {
  const { ends, retrainings } = await run(changing(4, [[0, { retrain: retrain(2, good) }]]));
  expect(retrainings.get(2)!.examples.length).toBeLessThan(60);
  expect(ends).toMatchObject([{ state: 'promoted' }]);
});

test('what is trained on are the newest examples, so many as were asked for', async () => {
  const { train } = retrain(2, good);
  const few = await run(changing(1, [[0.4, { retrain: { command: 2, train: { ...train!, examples: 30 } } }]]));
  const many = await run(changing(1, WON));
  expect(few.retrainings.get(2)!.examples).toEqual(many.retrainings.get(2)!.examples.slice(-30));
});

const SCENES: [string, Parameters<typeof changing>[1], Partial<SinkDefinition>?][] = [
  ['won', WON],
  ['cancelled', CANCELLED],
  ['dropped', [[0.4, { retrain: retrain(2, { ...poor.model, l2: 0.1 }, 220) }]]],
  ['won, then rolled back', [WON[0], [0.85, { ...WON[0][1], promote: { version: 2, command: 3 } }]]],
  ['learning arrivals', [[0.4, { retrain: retrain(2, { ...good, update: 'on_arrival' }) }]]],
  ['a forest', [[0.4, { retrain: retrain(2, { kind: 'adaptive_forest', trees: 3 }, 400) }]]],
  ['a portfolio', [[0.4, { retrain: retrain(2, { kind: 'auto' }, 400) }]]],
  [
    'calibrated and of fewer examples',
    [[0.4, { retrain: retrain(2, { ...good, calibrate: 'platt', under_sample: { ratio: 1 } }) }]],
    { model: { ...poor.model, calibrate: 'piecewise' } },
  ],
  [
    'beside a goal of alerts, and another one',
    [WON[0], [0.6, { ...WON[0][1], alertWhen: 'recall >= 0.8' }]],
    { alertWhen: 'precision >= 0.7' },
  ],
  [
    'beside a challenger of drift',
    WON,
    {
      model: {
        ...poor.model,
        drift: { action: 'challenger', signals: ['loss'], detector: { name: 'adwin', delta: 0.9 } },
      },
    },
  ],
  ['of rows that expire', WON, { keepScoresForUs: 400_000_000 }],
];

test.each(SCENES)('batches and restarts do not show (%s)', async (_, changes, different) => {
  const records = changing(5, changes, { with: different ?? {} });
  const calm = await run(records, { fetch: () => 1 });
  expect(calm.ends).not.toEqual([]);
  expect(['refused', 'failed']).not.toContain(calm.ends[0]!.state);
  const one = contents(calm.store);
  const random = seeded(5);
  for (const fetch of [() => 5_000, () => 1 + Math.floor(random() * 40)])
    for (const lives of [1, 30]) expect(contents((await run(records, { fetch, lives })).store)).toEqual(one);
});

const TRAINING = ['beginRetraining', 'storedExamples', 'saveTrained'];

test.each(SCENES)(
  'killed at any store operation, also of the training, it ends as if undisturbed (%s)',
  async (_, changes, different) => {
    const records = changing(6, changes, { with: different ?? {} });
    const calm = contents((await run(records, { fetch: () => 11 })).store);
    const random = seeded(60);
    const killed = new Map<string, number>();
    let kills = 0;
    let killer = new AbortController();
    const store: MemoryScoreStore = new MemoryScoreStore({
      fault: async (operation, when) => {
        const name = `${operation} ${when}`;
        const times = killed.get(name) ?? 0;
        // The first times that something of a retraining is asked, and now and then.
        const isFirst = TRAINING.includes(operation) && times < 3;
        if (!isFirst && (kills >= 60 || random() > 0.05)) return;
        kills += 1;
        killed.set(name, times + 1);
        killer.abort();
        store.crash();
        throw new MillraceError('WAREHOUSE_UNREACHABLE', 'killed');
      },
    });
    for (let life = 0; life < 400; life++) {
      killer = new AbortController();
      const before = kills;
      const log = new ArrayLog(topic, 1, () => 1 + Math.floor(random() * (life % 3 === 0 ? 60 : 5)));
      log.append(records);
      await runToEnd(ports(log, store, seeded(life)), { abort: killer.signal }).catch(() => {});
      if (kills === before) break;
    }
    for (const operation of TRAINING) expect([...killed.keys()].join()).toContain(operation);
    expect(contents(store)).toEqual(calm);
  },
);

test('a training that lags behind the stream is waited for where the comparison begins, and not before', async () => {
  const records = changing(7, WON);
  const calm = contents((await run(records)).store);
  let reads = 0;
  const store: MemoryScoreStore = new MemoryScoreStore({
    fault: async (operation, when) => {
      if (operation !== 'storedExamples' || when === 'after') return;
      reads += 1;
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
  });
  expect(contents((await run(records, { store, fetch: () => 3 })).store)).toEqual(calm);
  expect(reads).toBeGreaterThan(1);
});

test('with several partitions every example is learned once', async () => {
  const records = changing(8, WON, { partitions: 3 });
  for (const given of [{}, { lives: 12, fetch: () => 4 }, { fetch: () => 1 }]) {
    const { ends, versions } = await run(records, { partitions: 3, ...given });
    expect(ends).toMatchObject([{ state: 'promoted' }]);
    const [{ version, trained, judged }] = ends as [(typeof ends)[number]];
    // Each partition goes on from where it stood when the examples were copied.
    expect(versions.find((one) => one.version === version)!.examples).toBe(trained + Math.ceil(trained / 20) + judged);
  }
});

/** Every example that has a label, by partition: of a run that stores each, since no checkpoint has learned it. */
async function allExamples(seed: number): Promise<ItemPosition[][]> {
  const all: ItemPosition[][] = [[], [], []];
  class Recording extends MemoryScoreStore {
    override write(...given: Parameters<MemoryScoreStore['write']>): ReturnType<MemoryScoreStore['write']> {
      const [{ partition }, , { examples }] = given;
      all[partition]!.push(...examples.filter(({ label }) => label !== null).map(({ at }) => at));
      return super.write(...given);
    }
  }
  const unsaved = { model: { ...poor.model, save_every: 1_000_000 } };
  const { checkpoint } = await run(changing(seed, [], { partitions: 3, with: unsaved }), {
    ...{ partitions: 3, fetch: () => 1, store: new Recording() },
  });
  const learned = all.flatMap((some, partition) =>
    some.filter((at) => !isAboveItem(at, checkpoint.cursors[partition])),
  );
  expect(learned).toHaveLength(checkpoint.examples);
  return all;
}

test.each(Array.from({ length: 24 }, (_, index) => index + 1))(
  'with several partitions, killed often, a challenger has learned every example once (seed %i)',
  async (seed) => {
    const records = changing(seed, WON, { partitions: 3 });
    let start: StoredExamples['start'] = [];
    const random = seeded(seed);
    const store = await killedOften({
      random,
      chance: 0.04,
      live: async (given, abort, life) => {
        const begin = given.beginRetraining.bind(given);
        given.beginRetraining = async (...asked) => {
          const begun = await begin(...asked);
          if (begun !== 'stolen') ({ start } = begun);
          return begun;
        };
        const log = new ArrayLog(topic, 3, () => 1 + Math.floor(random() * 40));
        log.append(records);
        return runToEnd(ports(log, given, seeded(life)), { abort }).finally(() => {
          given.beginRetraining = begin;
        });
      },
    });
    const { retrainings, versions, ...rest } = store.generation(topic);
    const checkpoint = rest.checkpoint!;
    const { end, examples } = retrainings.all.get(2)!;
    expect(end).toMatchObject({ state: 'promoted', trained: examples.length });
    // It serves, and has learned all that came since.
    expect(versions.at(-1)!.options.model).toEqual(good);
    // The last commit's examples wait for the next one.
    const later = (await allExamples(seed)).flatMap((some, partition) =>
      some.filter((at) => isAboveItem(at, start[partition]) && !isAboveItem(at, checkpoint.cursors[partition])),
    );
    expect(checkpoint.examples).toBe(examples.length + later.length);
  },
);

test.each(Array.from({ length: 24 }, (_, index) => index + 1))(
  'with several partitions, killed often, a version is promoted once (seed %i)',
  async (seed) => {
    const records = changing(seed, [[0.4, { promote: { version: 3, command: 2 } }]], { partitions: 3 });
    const random = seeded(seed);
    const store = await killedOften({
      ...{ random, chance: 0.04 },
      live: (given, abort, life) => {
        // Others learn and save while it is read.
        given.version = async (...asked) => {
          for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
          return MemoryScoreStore.prototype.version.apply(given, asked);
        };
        const log = new ArrayLog(topic, 3, () => 1 + Math.floor(random() * 40));
        log.append(records);
        return runToEnd(ports(log, given, seeded(life)), { abort });
      },
    });
    const reasons = store.generation(topic).versions.map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'version 3 promoted')).toHaveLength(1);
  },
);

test('a challenger that cannot be trained is given up, and the pipeline goes on', async () => {
  class Forgetful extends MemoryScoreStore {
    override async storedExamples(...given: Parameters<MemoryScoreStore['storedExamples']>) {
      await super.storedExamples(...given);
      return [];
    }
  }
  const { ends, last } = await run(changing(1, WON), { store: new Forgetful() });
  expect(ends).toMatchObject([
    { state: 'failed', reason: expect.stringMatching(/stored examples .* are gone/) as string },
  ]);
  expect(last).toMatchObject({ state: 'caught up', reason: undefined });
});

/** Makes challengers whose model throws at its 300th example. */
const breaking: SinkPorts['createModel'] = async (request) => {
  const model = await createModel(request);
  if (request.options['l2'] !== 0.5) return model;
  const learn = model.learn.bind(model);
  let learned = 0;
  model.learn = (example) => {
    if (++learned === 300) throw new TypeError('no such weight');
    learn(example);
  };
  return model;
};

test.each([0.3, 0.7])('one that throws is given up, at %d of the stream, and nothing else differs', async (share) => {
  const store = new MemoryScoreStore();
  const log = new ArrayLog(topic, 1, () => 50);
  log.append(changing(2, [[share, { retrain: retrain(2, { ...good, l2: 0.5 }) }]]));
  const last = await runToEnd({ ...ports(log, store, seeded(1)), createModel: breaking });
  const { versions, retrainings, checkpoint } = store.generation(topic);
  expect(last).toMatchObject({ state: 'caught up', reason: undefined });
  expect(retrainings.all.get(2)!.end).toMatchObject({
    state: 'failed',
    reason: 'it cannot learn an example: no such weight',
    version: null,
  });
  const calm = await run(changing(2, [[share, {}]]));
  expect(versions).toEqual(calm.versions);
  expect(store.tables).toEqual(calm.store.tables);
  expect(splitParts(checkpoint!.metrics).challenger).toBeUndefined();
});

test('examples that cannot be copied end it, and not the pipeline', async () => {
  class Full extends MemoryScoreStore {
    override async beginRetraining(): Promise<never> {
      throw Object.assign(new Error('could not extend file: No space left on device'), { code: '53100' });
    }
  }
  const { ends, last, versions } = await run(changing(2, WON), { store: new Full() });
  expect(last).toMatchObject({ state: 'caught up', reason: undefined });
  expect(ends).toMatchObject([
    { state: 'failed', reason: 'it could not be begun: could not extend file: No space left on device' },
  ]);
  expect(versions).toEqual((await run(changing(2, [[0.4, {}]]))).versions);
});

test('a challenger whose saved state a newer Millrace wrote is given up at the start, and the pipeline goes on', async () => {
  const records = changing(1, WON);
  const store = new MemoryScoreStore();
  const cut = records.findIndex(({ body }) => body.kind === 'progress' && body.definition?.retrain !== undefined) + 60;
  await run(records.slice(0, cut), { store });
  const generation = store.generation(topic);
  const { challenger } = splitParts(generation.checkpoint!.metrics);
  expect(challenger).toBeDefined();
  const metrics = Buffer.from(generation.checkpoint!.metrics);
  // The format of a saved state stands after its magic number.
  metrics.writeUInt16LE(99, metrics.length - challenger!.length + 4);
  generation.checkpoint = { ...generation.checkpoint!, metrics };
  const { ends, last } = await run(records, { store });
  expect(ends).toMatchObject([
    { command: 2, state: 'failed', reason: expect.stringMatching(/has format 99/) as string },
  ]);
  expect(last.reason).toBeUndefined();
});
