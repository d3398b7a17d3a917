// A definition that changes in mid-stream: what the pipeline can go on with takes effect at that record, the rest waits for a
// rebuild, and says so.

import { expect, test } from 'vitest';
import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import type { StreamRecord } from '../../src/flow/record.ts';
import { MillraceError } from '../../src/runtime/errors.ts';
import type { SinkPorts, SinkReport } from '../../src/sink/ports.ts';
import { MemoryScoreStore } from '../simulation/memory-score-store.ts';
import { ArrayLog } from './array-log.ts';
import { contents } from './contents.ts';
import { definition, history, ports, runToEnd, seeded } from './history.ts';

const topic = { group: 'g', pipelineId: 1, generation: 1 };

/** A history in which the definition changes after a third, and after two thirds. */
function changing(seed: number, ...changes: readonly Partial<SinkDefinition>[]): StreamRecord[] {
  const records = history({ random: seeded(seed), commits: 200, keys: 20 });
  changes.forEach((change, index) => {
    const wanted = BigInt(Math.floor((200 * (index + 1)) / 3)) * 100n;
    const at = records.findIndex(({ position }) => position.lsn >= wanted);
    const before = records[at]!;
    records.splice(at, 0, {
      position: { lsn: before.position.lsn - 1n, n: 0 },
      partition: 0,
      commitTimeUs: before.commitTimeUs,
      body: {
        kind: 'progress',
        clockUs: before.commitTimeUs,
        phase: 'live',
        definition: { ...definition, revision: index + 2, ...change },
      },
    });
  });
  return records;
}

/** An alert that names something unknown is refused, as the compiler does. */
function portsOf(log: ArrayLog, store: MemoryScoreStore): SinkPorts {
  const base = ports(log, store, seeded(1));
  return {
    ...base,
    compileAlert: async (given) => {
      if (given.alertWhen?.includes('scor >'))
        throw new MillraceError('SQL_INVALID', 'column "scor" does not exist', { hint: 'Did you mean score?' });
      return base.compileAlert(given);
    },
  };
}

async function run(records: readonly StreamRecord[], fetch: () => number, lives = 1) {
  const store = new MemoryScoreStore();
  let last: SinkReport | undefined;
  for (let life = 1; life <= lives; life++) {
    const log = new ArrayLog(topic, 1, fetch);
    log.append(records.slice(0, Math.ceil((records.length * life) / lives)));
    last = await runToEnd(portsOf(log, store));
  }
  return { store, last: last! };
}

/** A rebuild is named where it would not fail, too. */
const refusals: [string, Partial<SinkDefinition>, RegExp, boolean][] = [
  ['a model of another kind', { model: { kind: 'naive_bayes' } }, /model options .*naive_bayes/, true],
  ['a model of another label', { model: { kind: 'linear' } }, /model options .*linear/, false],
  ['no model', { model: { kind: 'none' } }, /model options/, true],
  ['an unknown option', { model: { kind: 'logistic', l22: 1 } }, /unknown model option "l22"/, false],
  ['an alert that cannot be compiled', { alertWhen: 'scor > 1' }, /alert_when .*"scor" does not exist/, true],
];
test.each(refusals)(
  '%s leaves the former in force, says so, and nothing else differs',
  async (_, change, reason, anew) => {
    const former = 'model' in change ? { model: definition.model } : {};
    const changed = await run(changing(1, { ...change, labelWaitUs: 30_000_000 }), () => 17);
    const calm = await run(changing(1, { ...former, labelWaitUs: 30_000_000 }), () => 17);
    expect(calm.last).toMatchObject({ state: 'caught up', reason: undefined });
    expect(changed.last).toMatchObject({ state: 'caught up', reason: expect.stringMatching(reason) as string });
    expect(changed.last.hint).toContain(`select millrace.alter_pipeline('fraud'`);
    expect(changed.last.hint!.includes(`select millrace.rebuild('fraud')`)).toBe(anew);
    const without = ({ store }: { store: MemoryScoreStore }): unknown => {
      const all = contents(store) as { state: { definition: SinkDefinition } };
      const { refused: _refused, ...inForce } = all.state.definition;
      return { ...all, state: { ...all.state, definition: inForce } };
    };
    expect(without(changed)).toEqual(without(calm));
  },
);

test('what was refused is still said after a restart, and no more once the definition fits again', async () => {
  const refused = changing(2, { model: { kind: 'linear' } });
  expect((await run(refused, () => 9, 20)).last.reason).toMatch(/former stay in force/);
  const mended = changing(2, { model: { kind: 'linear' } }, { model: { kind: 'logistic', save_every: 7, l2: 0.5 } });
  const { last, store } = await run(mended, () => 9, 20);
  expect(last.reason).toBeUndefined();
  expect(store.generation(topic).versions.map(({ reason }) => reason)).toContain('options changed');
});

test.each([1, 2, 3])('batches and restarts do not show in what a changed definition does (seed %i)', async (seed) => {
  const records = changing(
    seed,
    { model: { kind: 'linear' }, alertWhen: 'scor > 1' },
    { model: { kind: 'logistic', save_every: 5, optimizer: { name: 'adam' } }, labelWaitUs: 10_000_000 },
  );
  const one = contents((await run(records, () => 1)).store);
  const random = seeded(seed);
  for (const fetch of [() => 5_000, () => 1 + Math.floor(random() * 40)])
    for (const lives of [1, 30]) expect(contents((await run(records, fetch, lives)).store)).toEqual(one);
});
