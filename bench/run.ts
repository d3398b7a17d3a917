// npm run bench [-- NAME…] [--json]: each benchmark in a process of its own, so that none is compiled for, or pays for the memory
// of, another. With --json one object a figure and line; else a table.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { drawTable } from '../src/terminal/table.ts';
import type { Figure } from './figure.ts';

const BENCHMARKS: Readonly<Record<string, () => Promise<{ measure(): Promise<readonly Figure[]> }>>> = {
  decode: () => import('./decode.ts'),
  transform: () => import('./transform.ts'),
  learn: () => import('./learn.ts'),
  neural: () => import('./neural.ts'),
  memory: () => import('./memory.ts'),
  learners: () => import('./learners.ts'),
  portfolio: () => import('./portfolio.ts'),
  peers: () => import('./peers.ts'),
  publish: () => import('./publish.ts'),
  'write-back': () => import('./write-back.ts'),
  'end-to-end': () => import('./end-to-end.ts'),
  latency: () => import('./latency.ts'),
};

const { values: flags, positionals } = parseArgs({
  options: { json: { type: 'boolean' }, alone: { type: 'string' } },
  allowPositionals: true,
});
if (flags.alone !== undefined) await measureHere(flags.alone);
else await measureAll(positionals.length > 0 ? positionals : Object.keys(BENCHMARKS));

async function measureHere(name: string): Promise<void> {
  const { measure } = await BENCHMARKS[name]!();
  process.send!(await measure());
  process.disconnect();
}

async function measureAll(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !Object.hasOwn(BENCHMARKS, name));
  if (unknown.length > 0) {
    console.error(`No benchmark ${unknown.join(', ')}. There are: ${Object.keys(BENCHMARKS).join(', ')}.`);
    process.exitCode = 2;
    return;
  }
  for (const name of names) {
    console.error(`${name} …`);
    const figures = await measureAlone(name);
    if (figures) print(figures);
    else process.exitCode = 1;
  }
}

/** Undefined where it failed; it has said why. */
async function measureAlone(name: string): Promise<readonly Figure[] | undefined> {
  // What a benchmark prints is not a figure: standard output is for those alone.
  const child = fork(import.meta.filename, ['--alone', name], { stdio: ['ignore', 2, 2, 'ipc'] });
  let figures: readonly Figure[] | undefined;
  child.on('message', (message) => (figures = message as readonly Figure[]));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0 ? figures : undefined;
}

function print(figures: readonly Figure[]): void {
  if (flags.json) {
    for (const { name, value, unit, peer, ratio } of figures)
      console.log(JSON.stringify({ name, value, unit, ...(peer === undefined ? {} : { peer, ratio }) }));
    return;
  }
  const cell = (value: number | undefined): string => (value === undefined ? '' : String(Number(value.toPrecision(4))));
  const rows = figures.map(({ name, value, unit, peer, ratio }) => [name, cell(value), unit, cell(peer), cell(ratio)]);
  console.log(`${drawTable(['figure', 'value', 'unit', 'peer', 'ratio'], rows)}\n`);
}
