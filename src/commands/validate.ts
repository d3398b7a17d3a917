// `millrace validate`: compiles a pipeline's views, or any view, as the connector would; shows what is read, what comes out, what
// is worth knowing; or where it cannot be done and what to write instead.

import type pg from 'pg';
import pc from 'picocolors';
import { findPipeline } from '../catalog/pipelines.ts';
import { checkSchema } from '../catalog/schema-version.ts';
import type { PipelineDefinition, TableName } from '../flow/pipeline.ts';
import { MillraceError } from '../runtime/errors.ts';
import { terminalWidth, wrap } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import { compilePipeline, loadParser } from '../transform/compile.ts';
import { readView } from '../transform/describe-catalog.ts';
import { describePipeline } from '../transform/describe.ts';
import { openTransform } from '../transform/operators/open-transform.ts';
import { renderRefusal } from '../transform/refusal.ts';
import type { PipelinePlan } from '../transform/view-plan.ts';
import { connect } from '../warehouse/connection.ts';
import { printJson } from './exit.ts';
import { warehouseOf, type CommonFlags } from './flags.ts';

export type Flags = Pick<CommonFlags, 'warehouse' | 'json'> & {
  readonly key?: string;
  readonly eventTime?: string;
  readonly labels?: string;
};

export async function runValidate(name: string, flags: Flags): Promise<void> {
  await loadParser();
  const client = await connect({ url: warehouseOf(flags), applicationName: 'millrace validate' });
  try {
    const definition = await definitionOf(client, name, flags);
    const plan = await compiled(client, definition);
    if (flags.json) printJson('validate', { name, ...report(plan) });
    else process.stdout.write(draw(name, plan));
  } finally {
    await client.end();
  }
}

async function definitionOf(client: pg.Client, name: string, flags: Flags): Promise<PipelineDefinition> {
  const view = await findView(client, name);
  if (view && !(await isPipeline(client, name)))
    return assumed(view, flags.labels === undefined ? undefined : await labelsOf(client, flags.labels), flags);
  if (!view && !(await isPipeline(client, name))) throw await nothingOf(client, name);
  await checkSchema(client);
  return findPipeline(client, name);
}

/** A role named millrace creates in the schema of its own name, unless it is told otherwise. */
async function nothingOf(client: pg.Client, name: string): Promise<MillraceError> {
  const strayed = name.includes('.') ? undefined : await findView(client, `millrace.${name}`);
  return new MillraceError('PIPELINE_UNKNOWN', `there is neither a pipeline ${name} nor a view public.${name}`, {
    hint: strayed
      ? `It was created in the schema millrace, as the role has that name: alter view millrace.${name} set schema public; alter role millrace set search_path = public;`
      : 'A view of another schema is given as schema.view; `millrace status` lists the pipelines.',
  });
}

async function labelsOf(client: pg.Client, name: string): Promise<TableName> {
  const view = await findView(client, name);
  if (!view)
    throw new MillraceError('VIEW_MISSING', `there is no view ${name}`, {
      hint: 'Check the name given with --labels.',
    });
  return view;
}

async function isPipeline(client: pg.Client, name: string): Promise<boolean> {
  const installed = await client.query<{ found: boolean }>(
    `select to_regclass('millrace._pipelines') is not null as found`,
  );
  if (!installed.rows[0]!.found) return false;
  const found = await client.query('select from millrace.pipelines where name = $1', [name]);
  return (found.rowCount ?? 0) > 0;
}

async function findView(client: pg.Client, name: string): Promise<TableName | undefined> {
  const found = await client.query<TableName>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('v', 'm') and c.oid = to_regclass($1)`,
    [name.includes('.') ? name : `public.${name}`],
  );
  return found.rows[0];
}

/** A view that no pipeline has yet, with the defaults of create_pipeline. */
function assumed(features: TableName, labels: TableName | undefined, flags: Flags): PipelineDefinition {
  return {
    id: 0,
    name: features.name,
    generation: 1,
    revision: 1,
    desired: 'running',
    features,
    labels,
    key: (flags.key ?? 'id').split(',').map((column) => column.trim()),
    eventTime: flags.eventTime,
    labelWaitUs: undefined,
    labelDefault: undefined,
    model: { kind: 'auto' },
    alertWhen: undefined,
    scoreTable: { schema: features.schema, name: `${features.name}_scores` },
    backfill: 'learn',
    alsoOn: [],
    clock: 'commit',
    lateByUs: 86_400_000_000,
    appendOnly: false,
    keepScoresForUs: undefined,
    timezone: 'UTC',
    owner: '',
  };
}

/** Describes and compiles; a refusal is shown in the text of the view that it is about, with a caret. */
async function compiled(client: pg.Client, definition: PipelineDefinition): Promise<PipelinePlan> {
  const compile = async (part: PipelineDefinition): Promise<PipelinePlan> =>
    compilePipeline(await describePipeline(client, part), part);
  // The feature view by itself first: then it is known which of the two a refusal is about.
  await pointingInto(client, definition.features, () => compile({ ...definition, labels: undefined }));
  return pointingInto(client, definition.labels ?? definition.features, () => compile(definition));
}

async function pointingInto<T>(client: pg.Client, view: TableName, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MillraceError) || error.place.line === undefined) throw error;
    const { text } = await readView(client, view);
    // The hint follows by itself.
    const shown = renderRefusal(text, new MillraceError(error.code, error.message, error.place));
    throw new MillraceError(error.code, shown, {
      ...error.place,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

interface Report {
  readonly reads: readonly { readonly table: string; readonly role: string; readonly columns: readonly string[] }[];
  readonly key: readonly string[];
  readonly eventTime: string | null;
  readonly features: readonly { readonly name: string; readonly type: string }[];
  readonly label: { readonly name: string; readonly type: string } | null;
  readonly warnings: PipelinePlan['warnings'];
}

function report(plan: PipelinePlan): Report {
  const { features, labels } = plan;
  const transform = openTransform({ plan, definition: assumed(features.driving.table, labels?.table.table, {}) });
  return {
    reads: transform.inputs.map(({ table, role, columns }) => ({
      table: `${table.schema}.${table.name}`,
      role,
      columns,
    })),
    key: features.key.map((column) => column.name),
    eventTime: features.eventTime?.name ?? null,
    features: features.features.map(({ name, typeName }) => ({ name, type: typeName })),
    label: labels ? { name: labels.label.name, type: labels.label.typeName } : null,
    warnings: plan.warnings,
  };
}

function draw(name: string, plan: PipelinePlan): string {
  const { reads, key, eventTime, features, label, warnings } = report(plan);
  const lines = [
    `${pc.green('✓')} ${name} compiles. Key: ${key.join(', ')}. Event time: ${eventTime ?? 'none'}. Label: ${label ? `${label.name} (${label.type})` : 'none'}.`,
    '',
    drawTable(
      ['feature', 'type'],
      features.map((one) => [one.name, one.type]),
    ),
    '',
    drawTable(
      ['reads', 'as'],
      reads.map((one) => [one.table, one.role]),
    ),
    '',
    'columns that leave the warehouse',
    ...reads.map((one) => wrap(`  ${one.table}: ${one.columns.join(', ')}`, terminalWidth(process.stdout), '    ')),
  ];
  for (const warning of warnings) {
    const place = warning.line === undefined ? '' : ` (line ${warning.line}, column ${warning.column})`;
    lines.push(
      '',
      `${pc.yellow('warning')}${place} ${warning.message}`,
      ...(warning.hint === undefined ? [] : [`${pc.cyan('hint')} ${warning.hint}`]),
    );
  }
  return `${lines.join('\n')}\n`;
}
