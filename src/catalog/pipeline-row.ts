// A row of millrace._pipelines as the definition it means. The row comes from the WAL, or from a snapshot or query: the cells are
// the same text, so the definition is the same.

import type { Cell } from '../flow/change.ts';
import type { ModelOptions, PipelineDefinition, PromoteCommand, TableName } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';

/** Where the pipelines are defined; part of every group's publication. */
export const PIPELINES_TABLE: TableName = { schema: 'millrace', name: '_pipelines' };

/** The columns that a definition is read from: what the publication and a snapshot must have of the table. */
export const PIPELINE_COLUMNS = [
  'id',
  'name',
  'generation',
  'revision',
  'desired',
  'features_schema',
  'features_name',
  'labels_schema',
  'labels_name',
  'key',
  'event_time',
  'label_wait_us',
  'label_default',
  'model',
  'alert_when',
  'score_schema',
  'score_name',
  'backfill',
  'also_on',
  'clock',
  'late_by_us',
  'append_only',
  'keep_scores_for_us',
  'timezone',
  'owner',
] as const;

type Column = (typeof PIPELINE_COLUMNS)[number];

/** @param cells by column name, as Postgres prints them. Throws STATE_CORRUPT where one is missing or makes no sense. */
export function parsePipelineRow(cells: Readonly<Record<string, Cell>>): PipelineDefinition {
  const row = new PipelineCells(cells);
  const labels = row.optional('labels_name');
  return {
    id: row.integer('id'),
    name: row.text('name'),
    generation: row.integer('generation'),
    revision: row.integer('revision'),
    desired: row.oneOf('desired', ['running', 'paused', 'dropped']),
    features: { schema: row.text('features_schema'), name: row.text('features_name') },
    labels: labels === undefined ? undefined : { schema: row.text('labels_schema'), name: labels },
    key: row.json('key') as readonly string[],
    eventTime: row.optional('event_time'),
    labelWaitUs: row.optionalInteger('label_wait_us'),
    labelDefault: row.optional('label_default'),
    ...modelOf(row.json('model') as ModelOptions),
    alertWhen: row.optional('alert_when'),
    scoreTable: { schema: row.text('score_schema'), name: row.text('score_name') },
    backfill: row.oneOf('backfill', ['learn', 'state', 'none']),
    alsoOn: (row.json('also_on') as readonly [string, string][]).map(([schema, name]) => ({ schema, name })),
    clock: row.oneOf('clock', ['commit', 'event_time']),
    lateByUs: row.integer('late_by_us'),
    // The wire has t and f, a cast to text has true and false.
    appendOnly: row.oneOf('append_only', ['t', 'f', 'true', 'false']).startsWith('t'),
    keepScoresForUs: row.optionalInteger('keep_scores_for_us'),
    timezone: row.text('timezone'),
    owner: row.text('owner'),
  };
}

/** A command stands among the options, under a name that is none of theirs: what carries the row carries it, too. */
function modelOf(given: ModelOptions): Pick<PipelineDefinition, 'model' | 'promote' | 'retrain'> {
  const { _promote, _retrain, ...model } = given;
  return { model: model as ModelOptions, ...promoteOf(_promote), ...retrainOf(_retrain) };
}

function promoteOf(given: unknown): Pick<PipelineDefinition, 'promote'> {
  if (typeof given !== 'object' || given === null) return {};
  const { version, command } = given as PromoteCommand;
  return { promote: { version: Number(version), command: Number(command) } };
}

/** Without a model it takes back what was asked for before. */
function retrainOf(given: unknown): Pick<PipelineDefinition, 'retrain'> {
  if (typeof given !== 'object' || given === null) return {};
  const { command, model, examples, patience } = given as {
    readonly command: number;
    readonly model?: ModelOptions;
    readonly examples?: number;
    readonly patience?: number;
  };
  if (model === undefined) return { retrain: { command: Number(command) } };
  const train = { model, examples: Number(examples), patience: Number(patience) };
  return { retrain: { command: Number(command), train } };
}

/** Reads cells by name; every complaint names the column. */
class PipelineCells {
  readonly #cells: Readonly<Record<string, Cell>>;

  constructor(cells: Readonly<Record<string, Cell>>) {
    this.#cells = cells;
  }

  optional(column: Column): string | undefined {
    const cell = this.#cells[column];
    // Every column is stored in the row (0001-catalog.sql), so an update leaves none out.
    if (cell === undefined) throw unreadable(column, 'was not sent');
    return cell ?? undefined;
  }

  text(column: Column): string {
    const text = this.optional(column);
    if (text === undefined) throw unreadable(column, 'is NULL');
    return text;
  }

  optionalInteger(column: Column): number | undefined {
    const text = this.optional(column);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text === '' || !Number.isSafeInteger(value)) throw unreadable(column, 'is not an integer below 2^53');
    return value;
  }

  integer(column: Column): number {
    const value = this.optionalInteger(column);
    if (value === undefined) throw unreadable(column, 'is NULL');
    return value;
  }

  oneOf<const T extends string>(column: Column, values: readonly T[]): T {
    const text = this.text(column);
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) throw unreadable(column, `is none of ${values.join(', ')}`);
    return value;
  }

  json(column: Column): unknown {
    try {
      return JSON.parse(this.text(column));
    } catch (cause) {
      throw cause instanceof MillraceError ? cause : unreadable(column, 'is not JSON');
    }
  }
}

function unreadable(column: Column, why: string): MillraceError {
  return new MillraceError('STATE_CORRUPT', `a row of millrace._pipelines cannot be read: ${column} ${why}`, {
    hint: 'The table is changed by the functions of the schema millrace alone. Run `millrace migrate`; if that does not help, drop the pipeline and create it again.',
    table: 'millrace._pipelines',
  });
}
