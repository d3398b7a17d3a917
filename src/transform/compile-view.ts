// A feature view to its plan: which columns are read, what each window and lateral gives, the key, the time, the features.

import type { PipelineDefinition } from '../flow/pipeline.ts';
import { isComputedOid, OID } from '../flow/types/type-oid.ts';
import { MillraceError } from '../runtime/errors.ts';
import { isInexactAggregate } from './compile-aggregate.ts';
import { ExpressionCompiler } from './compile-expression.ts';
import { compileLateral, type CompiledLateral } from './compile-lateral.ts';
import { WindowCompiler } from './compile-window.ts';
import type { Scope, SlotRef } from './expression-scope.ts';
import {
  columnsRead,
  isColumnOf,
  levelScope,
  planTableOf,
  slotInTable,
  tableFactsOf,
  type ViewContext,
} from './level-scope.ts';
import {
  expressionsOf,
  nodesOf,
  type CallSyntax,
  type ColumnSyntax,
  type QuerySyntax,
  type SubquerySyntax,
  type Syntax,
  type TargetSyntax,
} from './syntax.ts';
import { MAIN_LEVEL, type QueryFacts } from './view-facts.ts';
import type { PlanOutput, PlanTable, ViewPlan } from './view-plan.ts';

export function compileView(
  context: ViewContext,
  facts: QueryFacts,
  query: QuerySyntax,
  definition: PipelineDefinition,
): ViewPlan {
  const { sql } = context;
  const targets = namedTargets(facts, query);
  const nodes = allNodes(query);
  const driving = planTableOf(context, query.table, columnsRead(context, query.table, nodes));
  const key = keyColumns(context, query, targets, definition);
  const eventTime =
    definition.eventTime === undefined ? undefined : targetNamed(targets, definition.eventTime, 'event_time');
  const level = new ViewLevel(context, query, driving, {
    eventTime: eventTime?.expression.text,
    key: key.map((column) => column.expression.text),
  });
  const { compiler } = level;
  const where = query.where && compiler.compileAs(query.where, OID.bool);
  if (query.where) refuseWindowsIn(context, query.where);
  const output = (target: TargetSyntax): PlanOutput => {
    const column = facts.columns.find(({ name }) => name === target.name)!;
    return { name: target.name, expression: compiler.compile(target.expression), typeName: column.type };
  };
  const time = eventTime && output(eventTime);
  if (time && !isTime(time.expression.type.oid)) {
    sql.refuse(
      eventTime.expression.at,
      `event_time ${eventTime.name} is not a date or timestamp`,
      'Name a column of type timestamptz.',
    );
  }
  const apart = new Set([...definition.key, ...(definition.eventTime === undefined ? [] : [definition.eventTime])]);
  const features = targets.filter((target) => !apart.has(target.name)).map(output);
  return {
    driving,
    laterals: level.laterals.map((lateral) => lateral.plan),
    where,
    windowGroups: level.windows.groups,
    windowCalls: level.windows.calls,
    features,
    key: key.map(output),
    eventTime: time,
    scan: {
      from: query.table.text,
      orderBy: [...(eventTime ? [eventTime.expression.text] : []), ...key.map((column) => column.expression.text)],
    },
  };
}

const isTime = (oid: number): boolean => oid === OID.timestamptz || oid === OID.timestamp || oid === OID.date;

/** All nodes of the level and of its subqueries: each may name a column of the driving table. */
function allNodes(query: QuerySyntax): readonly Syntax[] {
  const own = expressionsOf(query).flatMap((expression) => [...nodesOf(expression)]);
  const inner = [
    ...query.laterals.map((lateral) => lateral.query),
    ...own.flatMap((node) => (node.kind === 'subquery' ? [node.query] : [])),
  ];
  // Unqualified names inside a subquery are its own table's; the pinned text qualifies all others.
  const outer = inner.flatMap((level) =>
    expressionsOf(level).flatMap((expression) =>
      [...nodesOf(expression)].filter(
        (node) => node.kind === 'column' && node.table !== undefined && node.table !== level.table.alias,
      ),
    ),
  );
  return [...own, ...outer];
}

/** The view's column names win over what the text calls them (a view may rename its columns). */
export function namedTargets(facts: QueryFacts, query: QuerySyntax): readonly TargetSyntax[] {
  return query.targets.map((target, index) => ({ ...target, name: facts.columns[index]?.name ?? target.name }));
}

export function targetNamed(targets: readonly TargetSyntax[], name: string, role: string): TargetSyntax {
  const found = targets.find((target) => target.name === name);
  if (found) return found;
  throw new MillraceError(
    role === 'key' ? 'KEY_INVALID' : 'SQL_INVALID',
    `the view has no column ${name}, which is named as its ${role}`,
    {
      hint: `Its columns are ${targets.map((target) => target.name).join(', ')}.`,
    },
  );
}

/** The slots of a view's level: the driving table's columns, then window calls, then lateral outputs. */
class ViewLevel {
  readonly compiler: ExpressionCompiler;
  readonly windows: WindowCompiler;
  readonly laterals: CompiledLateral[] = [];
  readonly #context: ViewContext;
  readonly #query: QuerySyntax;
  readonly #driving: PlanTable;
  /** Canonical texts of window calls, in the order of their slots. */
  readonly #windowTexts: readonly string[];
  readonly #calls = new Map<string, SlotRef>();
  readonly #subqueries = new Map<string, number>();
  readonly #firstOutput: number[] = [];

  constructor(
    context: ViewContext,
    query: QuerySyntax,
    driving: PlanTable,
    order: { readonly eventTime: string | undefined; readonly key: readonly string[] },
  ) {
    this.#context = context;
    this.#query = query;
    this.#driving = driving;
    const nodes = expressionsOf(query).flatMap((expression) => [...nodesOf(expression)]);
    const calls = new Map(
      nodes.flatMap((node) => (node.kind === 'call' && node.over ? [[node.text, node] as const] : [])),
    );
    this.#windowTexts = [...calls.keys()];
    const rowCompiler = new ExpressionCompiler(this.#rowScope());
    this.windows = new WindowCompiler({ compiler: rowCompiler, ...order });
    for (const call of calls.values()) this.#addCall(call);
    for (const lateral of query.laterals) this.#addLateral(lateral.query, false);
    for (const node of nodes) {
      if (node.kind !== 'subquery' || this.#subqueries.has(node.text)) continue;
      this.#subqueries.set(node.text, this.laterals.length);
      this.#addSubquery(node);
    }
    this.compiler = new ExpressionCompiler(this.#fullScope());
  }

  #addCall(node: CallSyntax): void {
    const { type, name, args } = this.windows.add(node);
    const slot = this.#driving.columns.length + this.#calls.size;
    this.#calls.set(node.text, { slot, type, inexact: isInexactAggregate(name, type, args) });
  }

  #addLateral(query: QuerySyntax, exists: boolean): void {
    const before = this.laterals.reduce((count, lateral) => count + lateral.outputs.length, 0);
    this.#firstOutput.push(this.#driving.columns.length + this.#windowTexts.length + before);
    this.laterals.push(
      compileLateral(this.#context, query, { syntax: this.#query.table, table: this.#driving }, exists),
    );
  }

  #addSubquery(node: SubquerySyntax): void {
    if (!node.exists && node.query.targets.length !== 1)
      this.#context.sql.refuse(node.at, 'a subquery must give one column', 'Select one aggregate.');
    this.#addLateral(node.query, node.exists);
  }

  #output(lateral: number, index: number): SlotRef {
    const { type, inexact } = this.laterals[lateral]!.outputs[index]!;
    return { slot: this.#firstOutput[lateral]! + index, type, inexact };
  }

  #columnOf(node: ColumnSyntax): SlotRef | undefined {
    if (!isColumnOf(this.#context, this.#query.table, node)) return undefined;
    return slotInTable(this.#context, this.#driving, node, tableFactsOf(this.#context, this.#query.table));
  }

  #lateralColumn(node: ColumnSyntax): SlotRef | undefined {
    const { laterals } = this.#query;
    for (const [index, lateral] of laterals.entries()) {
      if (node.table !== undefined && node.table !== lateral.alias) continue;
      const output = lateral.query.targets.findIndex((target) => target.name === node.name);
      if (output >= 0) return this.#output(index, output);
    }
    return undefined;
  }

  /** Inside window calls: columns of the row alone. */
  #rowScope(): Scope {
    const { sql } = this.#context;
    return levelScope(this.#context, {
      level: MAIN_LEVEL,
      column: (node) =>
        this.#columnOf(node) ??
        sql.refuse(
          node.at,
          'an aggregate of another table inside a window is not compiled',
          'Keep it beside the window call.',
        ),
      result: (node) => {
        if (node.kind === 'call' && node.over)
          sql.refuse(node.at, 'a window call inside a window call is not compiled', 'Use one level of windows.');
        if (node.kind === 'subquery')
          sql.refuse(node.at, 'a subquery inside a window call is not compiled', 'Keep it beside the window call.');
        return undefined;
      },
    });
  }

  #fullScope(): Scope {
    const { sql } = this.#context;
    return levelScope(this.#context, {
      level: MAIN_LEVEL,
      column: (node) =>
        this.#columnOf(node) ??
        this.#lateralColumn(node) ??
        sql.refuse(
          node.at,
          `there is no column ${node.text.replaceAll('"', '')}`,
          'Create the pipeline again.',
          'SQL_INVALID',
        ),
      result: (node) => {
        if (node.kind === 'call' && node.over) return this.#calls.get(node.text);
        if (node.kind !== 'subquery') return undefined;
        return this.#output(this.#subqueries.get(node.text)!, 0);
      },
    });
  }
}

/** Postgres itself has no window calls in WHERE; a lateral beside windows would decide who is in them. */
function refuseWindowsIn(context: ViewContext, where: Syntax): void {
  for (const node of nodesOf(where)) {
    if (node.kind === 'call' && node.over)
      context.sql.refuse(
        node.at,
        'a filter on what a window gives is not compiled',
        'Filter where you read the scores.',
      );
  }
}

function keyColumns(
  context: ViewContext,
  query: QuerySyntax,
  targets: readonly TargetSyntax[],
  definition: PipelineDefinition,
): readonly TargetSyntax[] {
  const { sql } = context;
  const facts = tableFactsOf(context, query.table);
  const shown = `${facts.table.schema}.${facts.table.name}`;
  if (definition.key.length === 0) {
    throw new MillraceError('KEY_INVALID', 'the pipeline has no key', { hint: "Name it: key => 'id'." });
  }
  const key = definition.key.map((name) => targetNamed(targets, name, 'key'));
  const columns = key.map((target) => {
    const { expression } = target;
    const column =
      expression.kind === 'column' && isColumnOf(context, query.table, expression)
        ? facts.columns.find(({ name }) => name === expression.name)
        : undefined;
    if (!column)
      return sql.refuse(
        expression.at,
        `key ${target.name} is not a plain column of ${shown}`,
        'A key is a column of the driving table, as it is.',
        'KEY_INVALID',
      );
    if (!column.notNull)
      sql.refuse(
        expression.at,
        `key ${target.name} can be NULL`,
        `Run: alter table ${shown} alter column ${column.name} set not null;`,
        'KEY_INVALID',
      );
    if (!column.identity) {
      sql.refuse(
        expression.at,
        `key ${target.name} is outside the replica identity of ${shown}: a delete would not carry it`,
        identityRepair(facts, definition.key),
        'KEY_INVALID',
      );
    }
    if (!isComputedOid(column.typeOid) && column.typeOid !== OID.uuid)
      sql.refuse(
        expression.at,
        `key ${target.name} is of type ${column.type}`,
        'Use an integer, text, uuid, date or timestamp.',
        'KEY_INVALID',
      );
    return column.name;
  });
  if (!facts.uniqueKeys.some((unique) => unique.every((name) => columns.includes(name)))) {
    sql.refuse(
      key[0]!.expression.at,
      `key ${definition.key.join(', ')} is not unique in ${shown}`,
      `Run: create unique index on ${shown} (${columns.join(', ')}); or name other columns.`,
      'KEY_INVALID',
    );
  }
  return key;
}

function identityRepair(
  facts: { readonly table: { readonly schema: string; readonly name: string } },
  key: readonly string[],
): string {
  const shown = `${facts.table.schema}.${facts.table.name}`;
  return `Run: create unique index ${facts.table.name}_key on ${shown} (${key.join(', ')}); alter table ${shown} replica identity using index ${facts.table.name}_key; (or: alter table ${shown} replica identity full;)`;
}
