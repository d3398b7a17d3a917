// Compiles scripts/net-kernel.ts to WebAssembly and writes it, as base64, to src/model/net/net-kernel.ts.
// usage: node scripts/build-net-kernel.mjs [--print]        --print: to standard output, and writes nothing

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import asc from 'assemblyscript/asc';

const folder = import.meta.dirname;
const TARGET = path.join(folder, '../src/model/net/net-kernel.ts');
const OPTIONS = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd'];

const code = module(await compile());
if (process.argv[2] === '--print') process.stdout.write(code);
else writeFileSync(TARGET, code);

async function compile() {
  const source = readFileSync(path.join(folder, 'net-kernel.ts'), 'utf8');
  let binary;
  const { error, stderr } = await asc.main(['net-kernel.ts', '-o', 'net-kernel.wasm', ...OPTIONS], {
    readFile: (name) => (name === 'net-kernel.ts' ? source : null),
    writeFile: (name, contents) => {
      if (name.endsWith('.wasm')) binary = contents;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return binary;
}

function module(binary) {
  const lines = Buffer.from(binary)
    .toString('base64')
    .match(/.{1,112}/g);
  return [
    '// Made by scripts/build-net-kernel.mjs from scripts/net-kernel.ts; a test compiles it again and compares.',
    '',
    '/** A WebAssembly module, as base64. */',
    'export const NET_KERNEL = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}
