// `millrace evaluate`: which model suits this data? Runs models side by side over a CSV file or a query, as they would run live,
// and shows their quality beside a constant answer's. Needs no warehouse for a file.

import { writeFileSync } from 'node:fs';
import pc from 'picocolors';
import type { ColumnType, ModelOptions } from '../flow/pipeline.ts';
import { horizonOf } from '../model/metrics/outcome.ts';
import { MillraceError } from '../runtime/errors.ts';
import { drawTable } from '../terminal/table.ts';
import { COLUMN_TYPES, type DataTable } from './evaluate/data-table.ts';
import { curveOf, curvesHtml, curvesSvg, drawCurves, type Curve } from './evaluate/learning-curve.ts';
import { evaluate, modelFor, type Evaluation } from './evaluate/prequential.ts';
import { curveMetric, curveValue, qualityOf, type Quality } from './evaluate/quality.ts';
import { readCsv } from './evaluate/read-csv.ts';
import { readQuery } from './evaluate/read-query.ts';
import { columnsOfSeries, seriesBaselines, type Baseline } from './evaluate/series-baselines.ts';
import { labelledRows, orderNotices } from './evaluate/stream-order.ts';
import { warehouseOf, type CommonFlags } from './flags.ts';

export type Flags = Pick<CommonFlags, 'warehouse' | 'json'> & {
  readonly query?: string;
  readonly label?: string;
  readonly key?: readonly string[];
  readonly time?: string;
  readonly delay?: string;
  readonly model: readonly string[];
  readonly seed: number;
  readonly curve?: string;
};

interface Evaluated {
  readonly options: ModelOptions;
  readonly evaluation: Evaluation;
  readonly quality: Quality;
  /** Of models that forecast series. */
  readonly baselines: readonly Baseline[];
  readonly curve: Curve;
}

export async function runEvaluate(file: string | undefined, flags: Flags): Promise<void> {
  const models = (flags.model.length > 0 ? flags.model : ['{"kind": "auto"}']).map(parseModel);
  const table = await readTable(file, flags);
  const named = flags.label === undefined ? undefined : columnNamed(table, flags.label, '--label');
  const label = named && labelOf(table, named, file !== undefined);
  const left = new Set([
    ...(flags.label === undefined ? [] : [flags.label]),
    ...(flags.time === undefined ? [] : [flags.time]),
    ...(flags.key ?? []),
  ]);
  for (const name of flags.key ?? []) columnNamed(table, name, '--key');
  // A series' key and time are no features, but its model must see them.
  const featuresOf = (options: ModelOptions): ColumnType[] => {
    const series = columnsOfSeries(options);
    return table.columns.filter(({ name }) => !left.has(name) || (series.includes(name) && name !== flags.label));
  };
  if (flags.time !== undefined) columnNamed(table, flags.time, '--time');
  if (flags.time !== undefined && flags.time === flags.label)
    throw new MillraceError('USAGE', `column ${flags.time} is both --label and --time`, {
      hint: 'Rows in the order of their labels would be foretold by the row before.',
    });
  const order = { label, time: flags.time, delay: flags.delay };
  const rows = labelledRows(table, order);
  const notices = [...(table.notices ?? []), ...orderNotices(table, order, rows)];
  if (label !== undefined && !rows.some((row) => row.label !== undefined))
    throw new MillraceError('USAGE', `column ${flags.label} has no value in any row`, { hint: 'Check --label.' });
  if (flags.curve !== undefined && label === undefined)
    throw new MillraceError('USAGE', 'there is no learning curve without labels', {
      hint: 'Give --label, or leave --curve out.',
    });
  // All of them first: the last of five must not be refused after four have run.
  const tasks = new Set<string>();
  for (const options of models) {
    const made = modelFor({ options, features: featuresOf(options), label, seed: flags.seed });
    tasks.add((await made.catch((error: unknown) => Promise.reject(ofColumns(error, label)))).task);
  }
  if (flags.curve !== undefined && tasks.has('regression') && tasks.size > 1)
    throw new MillraceError('USAGE', '--curve: models of numbers and of classes have no figure in common', {
      hint: 'Evaluate them one after the other, each with a file of its own.',
    });
  const done: Evaluated[] = [];
  for (const options of models) {
    const evaluation = await evaluate({ options, features: featuresOf(options), label, rows, seed: flags.seed });
    const curve = curveOf(nameOf(options), evaluation.scores.length, (n) => curveValue(evaluation, n));
    const baselines = seriesBaselines(options, table.columns, rows);
    done.push({ options, evaluation, quality: qualityOf(evaluation), baselines, curve });
    if (!flags.json) process.stderr.write(pc.dim(`${nameOf(options)} done\n`));
  }
  process.stdout.write(
    flags.json ? `${JSON.stringify(report(rows.length, done, notices))}\n` : `${draw(rows.length, done, notices)}\n`,
  );
  if (flags.curve !== undefined) writeCurve(flags.curve, done);
}

function readTable(file: string | undefined, flags: Flags): Promise<DataTable> {
  if ((file === undefined) === (flags.query === undefined))
    throw new MillraceError('USAGE', 'give either a CSV file or --query', {
      hint: 'millrace evaluate payments.csv --label fraud, or millrace evaluate --query "select …" --warehouse … --label fraud',
    });
  return file === undefined ? readQuery(warehouseOf(flags), flags.query!) : readCsv(file);
}

function parseModel(text: string): ModelOptions {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new MillraceError('USAGE', `--model ${text} is not JSON: ${(cause as Error).message}`, {
      hint: `For example --model '{"kind": "logistic"}'.`,
      cause,
    });
  }
  const kind = (parsed as { readonly kind?: unknown } | null)?.kind;
  if (kind === 'none')
    throw new MillraceError('USAGE', `--model ${text} is a pipeline without a model: it gives no scores to measure`, {
      hint: 'Leave it out, or name a kind that learns.',
    });
  if (typeof kind === 'string') return parsed as ModelOptions;
  throw new MillraceError('USAGE', `--model ${text} has no "kind" that is a text`, {
    hint: `For example --model '{"kind": "auto"}'.`,
  });
}

function columnNamed({ columns }: DataTable, name: string, flag: string): ColumnType {
  const found = columns.find((column) => column.name === name);
  if (found) return found;
  throw new MillraceError('USAGE', `there is no column ${name}, which ${flag} names`, {
    hint: `Columns: ${columns.map((column) => column.name).join(', ')}.`,
  });
}

/** What is said of views, of a file's columns: it has none. */
function ofColumns(error: unknown, label: ColumnType | undefined): unknown {
  if (!(error instanceof MillraceError) || error.code !== 'MODEL_INVALID') return error;
  const message = error.message
    .replace('the label view gives', `column ${label?.name ?? ''} is`)
    .replace('there is no label view', 'there is no --label');
  const hint = error.hint
    ?.replace(/: `select [^`]*`/, '')
    .replace("Give labels => 'a_view'; or model =>", 'Give --label COLUMN; or --model')
    .replace('; or \'{"kind":"none"}\' for a live feature table', '')
    .replace('leave `labels` out', 'leave --label out');
  return new MillraceError('MODEL_INVALID', message, { ...(hint !== undefined && { hint }), cause: error });
}

/** Whole numbers 0 and 1 alone stand for false and true; in a file, which has no types, 0.0 and 1.0 do, too. */
function labelOf({ rows }: DataTable, column: ColumnType, ofFile: boolean): ColumnType {
  const { bigint, double } = COLUMN_TYPES;
  if (column.typeOid !== bigint.typeOid && !(ofFile && column.typeOid === double.typeOid)) return column;
  const two = rows.every((row) => row[column.name] === null || row[column.name] === 0 || row[column.name] === 1);
  return two ? { name: column.name, ...COLUMN_TYPES.boolean } : column;
}

interface ModelReport extends Quality {
  readonly model: ModelOptions;
  readonly kind: string;
  readonly task: string;
  readonly labels: number;
  readonly rowsPerSecond: number;
  readonly stateBytes: number;
  readonly drift: Evaluation['drift'];
  /** Of models that forecast series: metrics by the baseline's name. */
  readonly baselines?: Readonly<Record<string, Baseline['metrics']>>;
}

function report(
  rows: number,
  done: readonly Evaluated[],
  notices: readonly string[],
): { rows: number; notices?: readonly string[]; models: readonly ModelReport[] } {
  return {
    rows,
    ...(notices.length > 0 && { notices }),
    models: done.map(({ options, evaluation, quality, baselines }) => ({
      model: options,
      kind: evaluation.kind,
      task: evaluation.task,
      labels: evaluation.scores.length,
      ...quality,
      rowsPerSecond: Math.round(rows / evaluation.seconds),
      stateBytes: evaluation.stateBytes,
      drift: evaluation.drift,
      ...(baselines.length > 0 && {
        baselines: Object.fromEntries(baselines.map(({ name, metrics }) => [name, metrics])),
      }),
    })),
  };
}

function draw(rows: number, done: readonly Evaluated[], ofData: readonly string[]): string {
  const parts: string[] = [];
  for (const task of new Set(done.map(({ evaluation }) => evaluation.task))) {
    const models = done.filter(({ evaluation }) => evaluation.task === task);
    const names = Object.keys(models[0]!.quality.metrics).filter((name) => horizonOf(name) === undefined);
    const labelled = models[0]!.evaluation.scores.length > 0;
    const cells = (values: Quality['metrics']): (string | null)[] =>
      names.map((name) => (values[name] == null ? null : values[name].toFixed(4)));
    parts.push(
      drawTable(
        ['model', ...names.map(printable), 'rows/s', 'state'],
        [
          ...models.map(({ options, evaluation, quality }) => [
            nameOf(options),
            ...cells(quality.metrics),
            String(Math.round(rows / evaluation.seconds)),
            `${Math.ceil(evaluation.stateBytes / 1024)} kB`,
          ]),
          ...(labelled ? [['the best without a model', ...cells(models[0]!.quality.baseline), '', '']] : []),
          ...baselinesOf(models).map(({ shown, metrics }) => [shown, ...cells(metrics), '', '']),
        ],
      ),
    );
    const ahead = models.flatMap(horizonRows);
    if (ahead.length > 0)
      parts.push(drawTable(['model', 'steps ahead', 'mae', 'no change, or a season before', 'coverage'], ahead));
    if (labelled)
      parts.push(
        drawCurves(
          curveMetric(models[0]!.evaluation).name,
          models.map(({ curve }) => curve),
        ),
      );
  }
  const notices = new Set([...ofData, ...done.flatMap(({ evaluation }) => evaluation.notices)]);
  const skipped = done.filter(({ evaluation }) => evaluation.skipped > 0);
  return [
    ...parts,
    ...[...notices].map((notice) => `${pc.yellow('notice')} ${printable(notice)}`),
    ...skipped.map(
      ({ options, evaluation }) =>
        `${pc.yellow('notice')} ${nameOf(options)} could not learn ${evaluation.skipped} labels`,
    ),
    ...done.flatMap(({ options, evaluation }) => driftLines(nameOf(options), evaluation.drift)),
    pc.dim(
      done.some(({ evaluation }) => evaluation.task !== 'anomaly')
        ? `${rows} rows, each scored before its label was learned`
        : `${rows} rows, each scored before it was learned`,
    ),
  ].join('\n\n');
}

/** Of a model that forecasts further ahead than one step. */
function horizonRows({ options, quality: { metrics, baseline } }: Evaluated): (string | null)[][] {
  const shown = (value: number | null | undefined): string | null => (value == null ? null : value.toFixed(4));
  const horizons = new Set(Object.keys(metrics).flatMap((name) => horizonOf(name) ?? []));
  return [...horizons].map((h) => [
    nameOf(options),
    String(h),
    shown(metrics[`mae:${h}`]),
    shown(baseline[`mae:${h}`]),
    shown(metrics[`coverage:${h}`]),
  ]);
}

/** What no model says, each once: models may differ in what a series is, and how long its season. */
function baselinesOf(models: readonly Evaluated[]): { shown: string; metrics: Baseline['metrics'] }[] {
  const all = models.flatMap(({ options, baselines }) =>
    baselines.map(({ name, metrics }) => ({
      shown: name === 'no_change' ? 'no change in its series' : `${String(options['season'])} values before`,
      metrics,
    })),
  );
  return all.filter((one, at) => all.findIndex((other) => JSON.stringify(other) === JSON.stringify(one)) === at);
}

const MOST_ALARMS = 5;

function driftLines(name: string, drift: Evaluation['drift']): string[] {
  const short = (value: number): string => String(Number(value.toPrecision(3)));
  const lines = drift
    .slice(0, MOST_ALARMS)
    .map(
      ({ examples, signal, feature, detector, from, to, action }) =>
        `${pc.yellow('drift')} ${name} after ${examples} labels: ${feature ?? signal} by ${detector}, ${short(from)} → ${short(to)}: ${action}`,
    );
  const more = drift.length - lines.length;
  return more > 0 ? [...lines, `${pc.yellow('drift')} ${name}: ${more} more, all of them with --json`] : lines;
}

function writeCurve(file: string, done: readonly Evaluated[]): void {
  const { name } = curveMetric(done[0]!.evaluation);
  const curves = done.map(({ curve }) => curve);
  try {
    writeFileSync(file, /\.svg$/i.test(file) ? curvesSvg(name, curves) : curvesHtml(name, curves));
  } catch (cause) {
    throw new MillraceError('USAGE', `--curve ${file} cannot be written: ${(cause as Error).message}`, {
      hint: 'Name a file in a folder that is there and may be written to.',
      cause,
    });
  }
}

/** Names come from the file: nothing in them steers the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '·');
}

/** `logistic`, or `logistic {"optimizer": …}`. */
function nameOf({ kind, ...rest }: ModelOptions): string {
  return Object.keys(rest).length === 0 ? kind : `${kind} ${JSON.stringify(rest)}`;
}
