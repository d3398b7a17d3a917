// `millrace evaluate`: models over a file or a query, each row scored before its label is learned.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { columnTypeOf, COLUMN_TYPES, type DataTable } from '../../src/commands/evaluate/data-table.ts';
import { evaluate } from '../../src/commands/evaluate/prequential.ts';
import { readCsv } from '../../src/commands/evaluate/read-csv.ts';
import { labelledRows } from '../../src/commands/evaluate/stream-order.ts';
import { runCli, type CliResult } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { seeded } from '../model/seeded.ts';

const PHISHING = path.resolve(import.meta.dirname, '../../examples/phishing/phishing.csv');

interface Report {
  readonly rows: number;
  readonly models: readonly {
    readonly model: unknown;
    readonly task: string;
    readonly labels: number;
    readonly metrics: Readonly<Record<string, number>>;
    readonly baseline: Readonly<Record<string, number>>;
    readonly rowsPerSecond: number;
    readonly stateBytes: number;
    readonly baselines?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  }[];
}

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'millrace-evaluate-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function csv(text: string | Buffer): string {
  const file = path.join(folder(), 'data.csv');
  writeFileSync(file, text);
  return file;
}

const run = (...args: string[]): Promise<CliResult> => runCli(['evaluate', ...args], {});
const report = ({ stdout }: CliResult): Report => JSON.parse(stdout) as Report;

test('logistic on phishing has the accuracy, log loss and AUCs of River, in text and as JSON', async () => {
  const model = '{"kind": "logistic"}';
  const result = await run(PHISHING, '--label', 'is_phishing', '--model', model, '--json');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const { rows, models } = report(result);
  expect(rows).toBe(1250);
  const { metrics, baseline } = models[0]!;
  expect(metrics['accuracy']).toBeCloseTo(0.8928, 6);
  expect(metrics['balanced_accuracy']).toBeCloseTo(0.892949, 6);
  expect(metrics['f1']).toBeCloseTo(0.879713, 6);
  expect(metrics['log_loss']).toBeCloseTo(0.330112, 5);
  expect(metrics['roc_auc']).toBeCloseTo(0.95335, 4);
  expect(metrics['pr_auc']).toBeCloseTo(0.936605, 4);
  expect(baseline['accuracy']).toBeCloseTo(0.5616, 6);
  expect(models[0]!.stateBytes).toBeGreaterThan(100);
  const shown = await run(PHISHING, '--label', 'is_phishing', '--model', model);
  expect(shown.stdout).toContain('0.8928');
  expect(shown.stdout).toContain('accuracy so far');
});

test('several models are compared, each over all rows, and the curves go into a file', async () => {
  const file = path.join(folder(), 'curve.svg');
  const models = ['{"kind": "logistic"}', '{"kind": "naive_bayes"}'].flatMap((model) => ['--model', model]);
  const result = await run(PHISHING, '--label', 'is_phishing', ...models, '--curve', file, '--json');
  expect(report(result).models.map(({ labels }) => labels)).toEqual([1250, 1250]);
  const svg = readFileSync(file, 'utf8');
  expect(svg).toMatch(/^<svg /);
  expect(svg.match(/<polyline /g)).toHaveLength(2);
});

test('classes of text are learned and measured as classes', async () => {
  const lines = Array.from({ length: 3000 }, (_, n) => `${'pqr'[n % 3]!},${['low', 'mid', 'high'][n % 3]!}`);
  const result = await run(
    csv(`x,level\n${lines.join('\n')}\n`),
    '--label',
    'level',
    '--model',
    '{"kind":"softmax"}',
    '--json',
  );
  const { task, metrics, baseline } = report(result).models[0]!;
  expect(task).toBe('multiclass');
  expect(baseline['accuracy']).toBeCloseTo(1 / 3, 9);
  expect(metrics['accuracy']).toBeGreaterThan(0.9);
  expect(metrics['log_loss']).toBeLessThan(baseline['log_loss']!);
});

test('a query in the warehouse is evaluated with the types that Postgres gives its columns', async () => {
  await using database = await createDatabase();
  const query = `select n, case when n % 2 = 0 then 'even' else 'odd' end as parity, (n % 2 = 0) as label from generate_series(1, 400) n;`;
  const result = await runCli(['evaluate', '--query', query, '--label', 'label', '--key', 'n', '--json'], {
    MILLRACE_WAREHOUSE: database.url,
  });
  expect(result).toMatchObject({ code: 0 });
  expect(report(result)).toMatchObject({ rows: 400, models: [{ task: 'binary', labels: 400 }] });
  expect(report(result).models[0]!.metrics['accuracy']).toBeGreaterThan(0.95);
});

test('what cannot be evaluated is refused with what to do', async () => {
  const file = csv('a,b\n1,2\n3,4\n');
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[file, '--label', 'c'], /no column c, which --label names[^]*Columns: a, b/],
    [[file, '--label', 'b', '--key', 'k'], /no column k, which --key names/],
    [[file, '--label', 'b', '--model', '{kind: x}'], /is not JSON/],
    [[file, '--label', 'b', '--model', '{"kind": "logistc"}'], /logistc[^]*logistic/],
    [[file, '--label', 'b', '--delay', '7d'], /--delay 7d is no number of rows/],
    [[file, '--label', 'b', '--time', 'a', '--delay', 'soon'], /--delay soon is no duration/],
    [['--label', 'b'], /either a CSV file or --query/],
    [[csv('a,a\n1,2\n'), '--label', 'a'], /two columns called a/],
    [[csv('a,b\n1,2\n3\n'), '--label', 'a'], /1 field in line 3, and 2 columns/],
    [[csv('a,b\n1,"x\ny"\n2,z,\n'), '--label', 'a'], /3 fields in line 4/],
    [[file, '--label', 'b', '--delay', '0x10'], /--delay 0x10 is no number of rows/],
    [[file, '--label', 'b', '--delay', ''], /is no number of rows/],
    [[file, '--label', 'b', '--time', 'b'], /both --label and --time/],
    [[csv('t,b\n01/02/2026,1\n'), '--label', 'b', '--time', 't'], /"01\/02\/2026", which is no time/],
    [[csv('t,b\n2026-02-30,1\n'), '--label', 'b', '--time', 't'], /"2026-02-30", which is no time/],
    [
      [csv('a,b\n1,yes\n2,no\n'), '--label', 'b', '--model', '{"kind":"logistic"}'],
      /column b is text[^]*Give a boolean/,
    ],
    [[file, '--model', '{"kind":"logistic"}'], /there is no --label[^]*Give --label COLUMN/],
    [[file, '--label', 'b', '--model', '{"kind":"holt_winters","series":5}'], /option "series" is not valid/],
    [
      [csv(Buffer.from('a,b\n1,caf\u00e9\n2,x\n3,caf\u00e8\n', 'latin1')), '--label', 'b'],
      /bytes in line 2 that are not UTF-8/,
    ],
    [[csv('a,b\n'), '--label', 'a'], /has no rows/],
    [[csv('a,b\n1,\n2,\n'), '--label', 'b'], /no value in any row/],
    [[path.join(folder(), 'none.csv'), '--label', 'b'], /none\.csv cannot be read/],
  ];
  for (const [args, message] of cases) {
    const result = await run(...args);
    expect(result.code, args.join(' ')).not.toBe(0);
    expect(result.stderr).toMatch(message);
  }
  // Nothing has run by then.
  const last = await run(file, '--label', 'b', '--model', '{"kind":"linear"}', '--model', '{"kind":"liner"}');
  expect(last.stderr).toMatch(/liner/);
  expect(last.stderr).not.toMatch(/linear done/);
});

test('a column has the narrowest type of all its values, and empty fields are NULL', async () => {
  const file = csv('id,amount,ok,day,note,none\n1,1.5,true,2026-01-01,x,\n2,,f,2026-01-02 10:00:00+01,7,\n');
  const { columns, rows } = await readCsv(file);
  expect(columns.map(({ type }) => type)).toEqual([
    'bigint',
    'double precision',
    'boolean',
    'timestamp with time zone',
    'text',
    'text',
  ]);
  expect(rows[1]).toEqual({ id: 2, amount: null, ok: false, day: '2026-01-02 10:00:00+01', note: '7', none: null });
  // Beyond 2^53 digits would be lost without a word.
  expect(columnTypeOf('n', ['12345678901234567890']).type).toBe('double precision');
});

const LABEL = { name: 'y', ...COLUMN_TYPES.boolean };
const table = (rows: readonly Record<string, unknown>[]): DataTable => ({ columns: [], rows });

test('a delayed label is learned before the first row that comes when it is due, and never before', async () => {
  // The label is the row's flag. Before it is learned the model knows nothing, and says 0.5.
  const rows = Array.from({ length: 6 }, (_, n) => ({ x: true, y: true, at: `2026-01-0${n + 1}` }));
  const features = [{ name: 'x', ...COLUMN_TYPES.boolean }];
  const scores = async (time: string | undefined, delay: string | undefined): Promise<Float64Array> => {
    const given = labelledRows(table(rows), { label: LABEL, time, delay });
    return (await evaluate({ options: { kind: 'logistic' }, features, label: LABEL, rows: given, seed: 1 })).scores;
  };
  const untouched = (values: Float64Array): number => values.findIndex((score) => score !== 0.5);
  expect(untouched(await scores(undefined, undefined))).toBe(1);
  expect(untouched(await scores(undefined, '1'))).toBe(1);
  expect(untouched(await scores(undefined, '3'))).toBe(3);
  expect(untouched(await scores('at', '3d'))).toBe(3);
  expect(untouched(await scores('at', '71h'))).toBe(3);
  expect(untouched(await scores('at', '73h'))).toBe(4);
  expect(untouched(await scores('at', '30d'))).toBe(-1);
});

test('rows come in the order of their time, those of one time as they stand, those without first', () => {
  const rows = [
    { n: 1, y: null, at: '2026-01-02' },
    { n: 2, y: true, at: '2026-01-01 12:00:00+02' },
    { n: 3, y: true, at: null },
    { n: 4, y: false, at: '2026-01-02 00:00:00' },
  ];
  const ordered = labelledRows(table(rows), { label: LABEL, time: 'at', delay: undefined });
  expect(ordered.map(({ features }) => features['n'])).toEqual([3, 2, 1, 4]);
  expect(ordered.map(({ label }) => label)).toEqual(['true', 'true', undefined, 'false']);
});

test('a model that forecasts series sees key and time that are no features, beside no change and the season before', async () => {
  const season = [10, 30, 20, 40];
  const lines = Array.from({ length: 60 }, (_, n) =>
    ['a', 'b'].map(
      (store) =>
        `${store},${new Date(Date.UTC(2026, 0, n + 1)).toISOString().slice(0, 10)},${(store === 'a' ? 1 : 100) * (season[n % 4]! + 0.01 * n)}`,
    ),
  ).flat();
  const file = csv(`store,day,sold\n${lines.join('\n')}\n`);
  const model = '{"kind":"holt_winters","series":"store","time":"day","period":"1 day","season":4,"beta":null}';
  const figures = async (...args: string[]) => {
    const result = await run(
      file,
      '--label',
      'sold',
      '--key',
      'store',
      '--time',
      'day',
      '--model',
      model,
      ...args,
      '--json',
    );
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const { metrics, baselines } = report(result).models[0]! as Report['models'][number] & {
      baselines: Record<string, Record<string, number>>;
    };
    expect(Object.keys(baselines)).toEqual(['no_change', 'season_before']);
    return [metrics['mae']!, baselines['no_change']!['mae']!, baselines['season_before']!['mae']!];
  };
  // By hand: of 60 rows a series the first is off by all of its value, and each other by its step; by those of 4 days before.
  const value = (n: number) => season[n % 4]! + 0.01 * n;
  const mean = (off: (n: number) => number) =>
    (101 / 120) * Array.from({ length: 60 }, (_, n) => off(n)).reduce((a, b) => a + b);
  const [mae, noChange, before] = await figures();
  expect(noChange).toBeCloseTo(
    mean((n) => Math.abs(value(n) - (n > 0 ? value(n - 1) : 0))),
    9,
  );
  expect(before).toBeCloseTo(
    mean((n) => (n >= 4 ? 0.04 : Math.abs(value(n) - (n > 0 ? value(n - 1) : 0)))),
    9,
  );
  expect(mae).toBeLessThan(noChange! / 4);
  // A label that comes after two days: the model forecasts three ahead, no change is of three days before, the season is as it was.
  const [late, lateNoChange, lateBefore] = await figures('--delay', '3d');
  expect(lateNoChange).toBeCloseTo(
    mean((n) => Math.abs(value(n) - (n > 2 ? value(n - 3) : 0))),
    9,
  );
  expect(lateBefore).toBeLessThan(lateNoChange! / 4);
  expect(late).toBeLessThan(lateNoChange! / 4);
});

test('a forecast is measured at every horizon, beside what the series was last or a season before', async () => {
  const season = [10, 30, 20, 40];
  const random = seeded(3);
  const lines = Array.from(
    { length: 300 },
    (_, n) => `${new Date(Date.UTC(2026, 0, n + 1)).toISOString().slice(0, 10)},${season[n % 4]! + random()}`,
  );
  const file = csv(`day,sold\n${lines.join('\n')}\n`);
  const model = '{"kind":"holt_winters","time":"day","period":"1 day","season":4,"horizon":4,"beta":null}';
  const args = [file, '--label', 'sold', '--time', 'day', '--model', model];
  const { metrics, baseline } = report(await run(...args, '--json')).models[0]!;
  for (const h of [2, 3, 4]) {
    expect(metrics[`mae:${h}`]).toBeLessThan(baseline[`mae:${h}`]!);
    // A season before is off by the difference of two uniform numbers, no change by the season's steps.
    expect(Math.abs(baseline[`mae:${h}`]! - 1 / 3)).toBeLessThan(0.1);
    expect(Math.abs(metrics[`coverage:${h}`]! - 0.9)).toBeLessThan(0.12);
    expect(baseline[`coverage:${h}`]).toBeCloseTo(0.9, 12);
  }
  expect(Math.abs(baseline['mae']! - 1 / 3)).toBeLessThan(0.05);
  const { stdout } = await run(...args);
  expect(stdout).toMatch(/steps ahead +\S* *mae/);
  expect(stdout).toContain(metrics['mae:3']!.toFixed(4));
});

test('of classes and quantiles ROC AUC and the pinball loss stand beside what is had without a model', async () => {
  const random = seeded(4);
  const lines = Array.from({ length: 600 }, () => {
    const x = random();
    return `${x},${x < 0.3 ? 'low' : x < 0.7 ? 'middle' : 'high'},${10 * x + random()}`;
  });
  const file = csv(`x,size,cost\n${lines.join('\n')}\n`);
  const classes = report(
    await run(file, '--label', 'size', '--key', 'cost', '--model', '{"kind":"softmax"}', '--json'),
  );
  expect(classes.models[0]!.metrics['roc_auc']).toBeGreaterThan(0.85);
  expect(classes.models[0]!.baseline['roc_auc']).toBe(0.5);
  const numbers = report(
    await run(file, '--label', 'cost', '--key', 'size', '--model', '{"kind":"quantile"}', '--json'),
  );
  const { metrics, baseline } = numbers.models[0]!;
  // Of a number that is nearly uniform on [0, 11] the best constant quantiles lose 11 / 2 · mean of q (1 − q).
  expect(Math.abs(baseline['pinball']! - (11 / 2) * (0.43 / 3))).toBeLessThan(0.08);
  expect(metrics['pinball']).toBeLessThan(baseline['pinball']! / 2);
});

test('anomalies are found without labels; with one the same scores are measured, and it is never learned', async () => {
  const lines = Array.from({ length: 2000 }, (_, i) => {
    const fault = i > 600 && i % 100 === 0;
    return `${fault ? 60 + (i % 7) : 20 + ((i * 37) % 101) / 50},${((i * 53) % 97) / 10},${fault}`;
  });
  const file = csv(['temperature,pressure,fault', ...lines].join('\n'));
  const kinds = ['--model', '{"kind":"half_space_trees"}', '--model', '{"kind":"gaussian_scorer"}'];
  const measured = await run(file, '--label', 'fault', ...kinds, '--json');
  for (const { task, labels, metrics, baseline } of report(measured).models) {
    expect([task, labels]).toEqual(['anomaly', 2000]);
    expect(Object.keys(metrics)).toEqual(['roc_auc', 'pr_auc', 'precision', 'recall', 'alarm_rate']);
    expect(metrics['roc_auc']).toBeGreaterThan(0.98);
    expect(metrics['recall']).toBeGreaterThan(0.8);
    expect(baseline).toMatchObject({ roc_auc: 0.5, pr_auc: 13 / 2000, precision: 13 / 2000 });
  }
  const blind = csv(['temperature,pressure', ...lines.map((line) => line.split(',').slice(0, 2).join(','))].join('\n'));
  const found = await run(blind, ...kinds, '--json');
  expect(report(found).models.map(({ labels, metrics }) => [labels, metrics])).toEqual(
    report(measured).models.map(({ metrics }) => [0, { alarm_rate: metrics['alarm_rate'] }]),
  );
  const shown = await run(blind);
  expect(shown).toMatchObject({ code: 0 });
  expect(shown.stdout).toContain('2000 rows, each scored before it was learned');
  expect(shown.stdout).not.toContain('accuracy');
  expect(await run(blind, '--curve', 'curve.svg')).toMatchObject({ code: 2 });
  const refused = await run(blind, '--model', '{"kind":"logistic"}');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/"logistic" learns from labels, and there is no --label/);
});

test('a model that gives no scores, and a kind that is no text, are refused before anything runs', async () => {
  const none = await run(PHISHING, '--label', 'is_phishing', '--model', '{"kind": "none"}');
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toContain('gives no scores to measure');
  const list = await run(PHISHING, '--label', 'is_phishing', '--model', '{"kind": ["linear"]}');
  expect(list).toMatchObject({ code: 2, stdout: '' });
  expect(list.stderr).toContain('has no "kind" that is a text');
});

test('a delay is read by its whole unit: what is neither spelt out nor an abbreviation is refused', () => {
  const table: DataTable = { columns: [], rows: [{ t: 0 }] };
  const delays = ['90m', '90 min', '90 minutes', '1.5h', '1.5 hours', '5400s', '5400 seconds'];
  const due = (delay: string) => labelledRows(table, { label: undefined, time: 't', delay })[0]!.dueAt;
  expect(delays.map(due)).toEqual(delays.map(() => 5400e6));
  expect(['1w', '7d', '7 days', '168h'].map(due)).toEqual(Array(4).fill(604_800e6));
  for (const delay of ['1month', '7 months', '10ms', '3 moons', '1.5', 'd'])
    expect(() => due(delay)).toThrow(`--delay ${delay} is no duration`);
});

test('one file of curves does not mix models of numbers with models of classes', async () => {
  const file = csv(`x,y\n${Array.from({ length: 30 }, (_, n) => `${n},${n % 3}`).join('\n')}\n`);
  const models = ['--model', '{"kind": "softmax"}', '--model', '{"kind": "linear"}'];
  const curve = path.join(folder(), 'curve.svg');
  const result = await run(file, '--label', 'y', ...models, '--curve', curve);
  expect(result).toMatchObject({ code: 2, stdout: '' });
  expect(result.stderr).toContain('no figure in common');
  expect((await run(file, '--label', 'y', ...models)).code).toBe(0);
});

test('times of a file may have a zone of whole hours, as Postgres writes them', async () => {
  const rows = Array.from({ length: 24 }, (_, n) => `2026-01-02T${String(n).padStart(2, '0')}:00:00+02,${10 + n}.5`);
  const model = '{"kind": "holt_winters", "time": "t", "period": "1 hour"}';
  const result = await run(csv(`t,y\n${rows.join('\n')}\n`), '--label', 'y', '--model', model);
  expect(result.code).toBe(0);
  expect(result.stdout).not.toContain('could not learn');
});

test('flags and files that cannot be right are refused before anything runs, with what to do', async () => {
  const label = ['--label', 'y', '--model', '{"kind": "logistic"}'];
  const good = csv('x,y\n1,true\n2,false\n');
  const refusals: [args: string[], stderr: RegExp][] = [
    [[good, ...label, '--seed', 'abc'], /--seed <n>.*'abc' is invalid\. Expected a whole number/],
    [[good, ...label, '--curve', 'curve.png'], /--curve <file>.*Expected a file name that ends in \.svg or \.html/],
    [[path.join(folder(), 'none.csv'), ...label], /cannot be read: ENOENT[^]*Check the path/],
    [
      [csv('x;y\n1;true\n'), ...label],
      /has one column, called x;y[^]*separated by commas; these seem to be by semicolons/,
    ],
    [[csv('x,y\n1,true\n"2" 3,secret\n'), ...label], /cannot be read: [^]*line 3/],
    [[csv('x,y\n1,yes\n2,no\n'), ...label], /needs a boolean label[^]*or take \{"kind":"softmax"\}/],
    [[csv('x,y\n1,5\n2,7\n'), ...label], /needs a boolean label[^]*or take \{"kind":"linear"\}/],
  ];
  const results = await Promise.all(refusals.map(([args]) => run(...args)));
  for (const [i, { code, stdout, stderr }] of results.entries()) {
    expect(stderr).toMatch(refusals[i]![1]);
    expect(stderr).not.toContain('secret');
    expect([code > 0, stdout]).toEqual([true, '']);
  }
});

test('where the curves cannot be written the table was printed before', async () => {
  const file = path.join(folder(), 'not there', 'curve.svg');
  const args = [csv('x,y\n1,true\n2,false\n'), '--label', 'y', '--model', '{"kind": "logistic"}', '--curve', file];
  const { code, stdout, stderr } = await run(...args);
  expect(stdout).toContain('2 rows, each scored before its label was learned');
  expect(stderr).toMatch(/--curve .*curve\.svg cannot be written: ENOENT[^]*Name a file in a folder that is there/);
  expect(code).toBeGreaterThan(0);
});

test('what a file has besides values is taken as it is meant, and told where it makes a difference', async () => {
  const spaced = await readCsv(csv('a, b, c\r\n1, NaN, " x"\n2, 3.5, y\r\n\n3, -inf, y\n'));
  expect(spaced.columns.map(({ type }) => type)).toEqual(['bigint', 'double precision', 'text']);
  expect(spaced.rows).toEqual([
    { a: 1, b: 'NaN', c: ' x' },
    { a: 2, b: 3.5, c: 'y' },
    { a: 3, b: '-Infinity', c: 'y' },
  ]);
  expect((await readCsv(csv('a\n1\n\n3\n'))).rows).toEqual([{ a: 1 }, { a: null }, { a: 3 }]);
  const wide = Buffer.from('\ufeffa,b\n1,\u00e9\n', 'utf16le');
  expect((await readCsv(csv(wide))).rows).toEqual([{ a: 1, b: 'é' }]);
  expect((await readCsv(csv(wide.swap16()))).rows).toEqual([{ a: 1, b: 'é' }]);
  const mixed = await readCsv(csv('a,b\n1,x\nNA,x\n3,y\n'));
  expect(mixed.notices).toEqual([
    'column a is text for "NA" in line 3, though 2 of 3 values are numbers; what is not known is left empty',
  ]);
  const result = await run(
    csv('a,y\n1,1\n2,0\nNA,1\n4,1.0\n'),
    '--label',
    'y',
    '--model',
    '{"kind":"logistic"}',
    '--delay',
    '9',
  );
  expect(result.code).toBe(0);
  expect(result.stdout).toContain('notice column a is text for "NA" in line 4');
  expect(result.stdout).toContain('notice no label came before the rows ended');
});

test('a label that no model can learn spoils no figure, and is told', async () => {
  const lines = Array.from({ length: 60 }, (_, n) => `${n % 7},${n % 7}`);
  for (const odd of ['1e300', '1e400', 'NaN', '-inf']) {
    const plain = await run(
      csv(['a,y', ...lines, '3,', ''].join('\n')),
      '--label',
      'y',
      '--model',
      '{"kind":"linear"}',
      '--json',
    );
    const one = await run(
      csv(['a,y', ...lines, `3,${odd}`, ''].join('\n')),
      '--label',
      'y',
      '--model',
      '{"kind":"linear"}',
      '--json',
    );
    expect(report(one).models[0]!.metrics).toEqual(report(plain).models[0]!.metrics);
    expect(one.stdout).toContain('1 labels are no number up to 1e100');
    expect((await run(csv(['a,y', ...lines, `3,${odd}`, ''].join('\n')), '--label', 'y')).code).toBe(0);
  }
});

test('a season before is counted in periods where the rows say when they were', async () => {
  const week = [5, 1, 2, 3, 4];
  const days = Array.from({ length: 200 }, (_, n) => n).filter((n) => n % 7 < 5);
  const file = csv(
    [
      'day,y',
      ...days.map((n) => `${new Date(Date.UTC(2026, 0, 5 + n)).toISOString().slice(0, 10)},${week[n % 7]}`),
      '',
    ].join('\n'),
  );
  const model = '{"kind":"holt_winters","time":"day","period":"1 day","season":7}';
  const { baselines } = report(await run(file, '--label', 'y', '--time', 'day', '--model', model, '--json')).models[0]!;
  expect(baselines!['season_before']!['mae']).toBeLessThan(0.1);
});

test('times are in order to the microsecond', () => {
  const rows = [3, 1, 2].map((n) => ({ n, at: `2026-01-01T00:00:00.00000${n}Z` }));
  const ordered = labelledRows(table(rows), { label: undefined, time: 'at', delay: undefined });
  expect(ordered.map(({ features }) => features['n'])).toEqual([1, 2, 3]);
});
