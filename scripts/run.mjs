// What the npm scripts run: makes sure that packages are installed and the code is built, then does the job. Needs only Node and npm.
// usage: node scripts/run.mjs demo|test|bench|simulate [arguments]

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const [job, ...rest] = process.argv.slice(2);
const jobs = { demo, test, bench, simulate };

checkNode();
if (!Object.hasOwn(jobs, job)) fail(`usage: node scripts/run.mjs ${Object.keys(jobs).join('|')} [arguments]`, 2);
install();
build();
jobs[job]();

function demo() {
  exec(process.execPath, ['dist/cli.js', 'demo', ...rest]);
}

function test() {
  const report = path.join(root, '.cache', `vitest-${process.pid}.json`);
  const status = run(process.execPath, [
    bin('vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...rest,
  ]);
  if (!existsSync(report)) fail('0 passed, 1 failed', status || 1);
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(report);
  // A file that fails outside of its tests (an import, a hook) counts as a failure too.
  const broken = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((one) => one.status === 'failed'),
  ).length;
  const failed = Math.max(numFailedTests + broken, status === 0 ? 0 : 1);
  const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
  console.log(`${numPassedTests} passed, ${failed} failed${skipped}`);
  process.exit(failed > 0 ? 1 : 0);
}

function bench() {
  forgetUnlessBuilt('.cache/bench/bench/run.js', '.cache/bench.tsbuildinfo');
  const status = run(
    process.execPath,
    [
      bin('typescript', 'bin/tsc'),
      '-p',
      'tsconfig.bench.json',
      '--incremental',
      '--tsBuildInfoFile',
      '.cache/bench.tsbuildinfo',
    ],
    { stdio: ['ignore', 2, 2] },
  );
  if (status !== 0) fail('The build failed; the messages are above.', 1);
  // What the sources look for above their folder.
  for (const one of ['migrations', 'package.json', 'test/support/kafka-broker'])
    cpSync(path.join(root, one), path.join(root, '.cache/bench', one), { recursive: true });
  // The broker's jars are downloaded once, for tests and benchmarks.
  mkdirSync(path.join(root, '.cache/kafka'), { recursive: true });
  const jars = path.join(root, '.cache/bench/.cache/kafka');
  if (!existsSync(jars)) {
    mkdirSync(path.dirname(jars), { recursive: true });
    symlinkSync(path.join(root, '.cache/kafka'), jars);
  }
  exec(process.execPath, ['.cache/bench/bench/run.js', ...rest]);
}

function simulate() {
  process.env.MILLRACE_SIMULATION_RUNS ??= '20000';
  exec(process.execPath, [bin('vitest', 'vitest.mjs'), 'run', 'test/simulation', ...rest]);
}

function install() {
  const marker = path.join(root, 'node_modules', '.package-lock.json');
  const lock = path.join(root, 'package-lock.json');
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error('Installing packages (once) …');
  const status = run(npm(), ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    shell: process.platform === 'win32',
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail('npm ci failed; its message is above.', 1);
}

function build() {
  forgetUnlessBuilt('dist/cli.js', '.cache/build.tsbuildinfo');
  const status = run(
    process.execPath,
    [
      bin('typescript', 'bin/tsc'),
      '-p',
      'tsconfig.build.json',
      '--incremental',
      '--tsBuildInfoFile',
      '.cache/build.tsbuildinfo',
    ],
    { stdio: ['ignore', 2, 2] },
  );
  if (status !== 0) fail('The build failed; the messages are above.', 1);
}

/** The compiler only asks its own notes whether something is built: where the output was removed they must go too. */
function forgetUnlessBuilt(output, notes) {
  if (!existsSync(path.join(root, output))) rmSync(path.join(root, notes), { force: true });
}

function bin(name, file) {
  return path.join(root, 'node_modules', name, file);
}

function npm() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm';
}

function run(program, args, options = {}) {
  return spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options }).status ?? 1;
}

/**
 * Runs to the end and ends with its exit code. Ctrl-C goes to the child too, which ends by itself. A SIGTERM is for one process: it is
 * passed on. Where npm got it, all we see is that the shell between npm and us is gone, and nothing tells us but our parent's id.
 */
function exec(program, args) {
  const parent = process.ppid;
  const child = spawn(program, args, { cwd: root, stdio: 'inherit' });
  const end = () => child.kill('SIGTERM');
  process.on('SIGINT', () => {});
  process.on('SIGTERM', end);
  const orphaned = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(orphaned);
    end();
  }, 1000);
  child.once('error', (error) => fail(`${program} cannot be run: ${error.message}`, 1));
  child.once('exit', (code) => process.exit(code ?? 1));
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) fail(`Node 20.19 or newer is needed; this is ${process.version}.`, 2);
}

function fail(message, code) {
  console.error(message);
  process.exit(code);
}
