// SQL as the compiler sees it: a small tree made from the parser's (parse-sql.ts). Each node has its byte offset and its
// canonical text, which Postgres can read again (describe.ts asks for its type) and which names it in the plan's hash.

import type { TableName } from '../flow/pipeline.ts';

interface Node {
  /** Byte offset in the parsed text. */
  readonly at: number;
  /** Canonical, fully parenthesised SQL; equal texts of one query level are the same expression. */
  readonly text: string;
}

export type Syntax =
  | ColumnSyntax
  | ConstantSyntax
  | CastSyntax
  | OperatorSyntax
  | CallSyntax
  | BooleanSyntax
  | TestSyntax
  | DistinctSyntax
  | MembershipSyntax
  | CaseSyntax
  | ListSyntax
  | NullIfSyntax
  | CollateSyntax
  | ArraySyntax
  | SubquerySyntax;

export interface ColumnSyntax extends Node {
  readonly kind: 'column';
  readonly table: string | undefined;
  readonly name: string;
}

/** A bare constant: `12`, `1.5`, `'text'` (its type is still unknown), `true`, NULL. */
export interface ConstantSyntax extends Node {
  readonly kind: 'constant';
  readonly constant: 'integer' | 'decimal' | 'string' | 'boolean' | 'null';
  readonly value: string;
}

export interface TypeSyntax {
  /** pg_catalog's name: int4, timestamptz. */
  readonly name: string;
  readonly schema: string | undefined;
  readonly modifiers: readonly number[];
  readonly array: boolean;
  readonly text: string;
  readonly at: number;
}

export interface CastSyntax extends Node {
  readonly kind: 'cast';
  readonly argument: Syntax;
  readonly type: TypeSyntax;
}

export interface OperatorSyntax extends Node {
  readonly kind: 'operator';
  readonly name: string;
  /** Undefined for a prefix operator. */
  readonly left: Syntax | undefined;
  readonly right: Syntax;
}

export interface CallSyntax extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Syntax[];
  /** `name => value` arguments; args holds the values in the order written. */
  readonly argNames: readonly (string | undefined)[];
  readonly star: boolean;
  readonly distinct: boolean;
  readonly filter: Syntax | undefined;
  readonly over: WindowSyntax | undefined;
}

export interface BooleanSyntax extends Node {
  readonly kind: 'boolean';
  readonly operator: 'and' | 'or' | 'not';
  readonly args: readonly Syntax[];
}

export interface TestSyntax extends Node {
  readonly kind: 'test';
  readonly test: 'null' | 'true' | 'false' | 'unknown';
  readonly negated: boolean;
  readonly argument: Syntax;
}

export interface DistinctSyntax extends Node {
  readonly kind: 'distinct';
  readonly negated: boolean;
  readonly left: Syntax;
  readonly right: Syntax;
}

/** `left op any (array)` or `left op all (array)`. */
export interface MembershipSyntax extends Node {
  readonly kind: 'membership';
  readonly operator: string;
  readonly quantifier: 'any' | 'all';
  readonly left: Syntax;
  readonly array: Syntax;
}

export interface CaseSyntax extends Node {
  readonly kind: 'case';
  readonly argument: Syntax | undefined;
  readonly whens: readonly { readonly when: Syntax; readonly result: Syntax }[];
  readonly otherwise: Syntax | undefined;
}

export interface ListSyntax extends Node {
  readonly kind: 'coalesce' | 'greatest' | 'least';
  readonly args: readonly Syntax[];
}

export interface NullIfSyntax extends Node {
  readonly kind: 'nullif';
  readonly left: Syntax;
  readonly right: Syntax;
}

export interface CollateSyntax extends Node {
  readonly kind: 'collate';
  readonly argument: Syntax;
  readonly collation: string;
}

export interface ArraySyntax extends Node {
  readonly kind: 'array';
  readonly elements: readonly Syntax[];
}

export interface SubquerySyntax extends Node {
  readonly kind: 'subquery';
  readonly exists: boolean;
  readonly query: QuerySyntax;
}

export interface SortSyntax {
  readonly expression: Syntax;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly at: number;
}

export interface FrameSyntax {
  readonly mode: 'rows' | 'range' | 'groups';
  readonly start: BoundSyntax;
  readonly end: BoundSyntax;
  readonly exclude: 'none' | 'current_row' | 'group' | 'ties';
}

export type BoundSyntax =
  | { readonly kind: 'unbounded_preceding' | 'current' | 'unbounded_following' }
  | { readonly kind: 'preceding' | 'following'; readonly offset: Syntax };

/** With a reference to a named window already followed. */
export interface WindowSyntax {
  readonly partitionBy: readonly Syntax[];
  readonly orderBy: readonly SortSyntax[];
  readonly frame: FrameSyntax;
  readonly at: number;
  readonly text: string;
}

export interface TargetSyntax {
  readonly name: string;
  readonly expression: Syntax;
  readonly at: number;
}

export interface TableSyntax {
  readonly table: TableName;
  readonly alias: string;
  readonly at: number;
  readonly text: string;
}

export interface LateralSyntax {
  readonly alias: string;
  readonly query: QuerySyntax;
  readonly at: number;
  readonly text: string;
}

/** One query level that can be compiled: a table, laterals beside it, a filter, targets. */
export interface QuerySyntax {
  readonly targets: readonly TargetSyntax[];
  readonly table: TableSyntax;
  readonly laterals: readonly LateralSyntax[];
  readonly where: Syntax | undefined;
  readonly at: number;
  readonly text: string;
}

/** The direct parts of a node, windows and filters included; a subquery has none here (it is a level of its own). */
export function partsOf(node: Syntax): readonly Syntax[] {
  switch (node.kind) {
    case 'column':
    case 'constant':
    case 'subquery':
      return [];
    case 'cast':
    case 'test':
    case 'collate':
      return [node.argument];
    case 'operator':
      return node.left ? [node.left, node.right] : [node.right];
    case 'call':
      return [...node.args, ...(node.filter ? [node.filter] : []), ...(node.over ? windowParts(node.over) : [])];
    case 'boolean':
    case 'coalesce':
    case 'greatest':
    case 'least':
      return node.args;
    case 'distinct':
    case 'nullif':
      return [node.left, node.right];
    case 'membership':
      return [node.left, node.array];
    case 'array':
      return node.elements;
    case 'case':
      return [
        ...(node.argument ? [node.argument] : []),
        ...node.whens.flatMap(({ when, result }) => [when, result]),
        ...(node.otherwise ? [node.otherwise] : []),
      ];
  }
}

export function windowParts(window: WindowSyntax): readonly Syntax[] {
  return [...window.partitionBy, ...window.orderBy.map((key) => key.expression)];
}

/** The node and everything below it, parts before wholes. */
export function* nodesOf(node: Syntax): Iterable<Syntax> {
  for (const part of partsOf(node)) yield* nodesOf(part);
  yield node;
}

/** Every expression that stands directly in a query: targets, then the filter. */
export function expressionsOf(query: QuerySyntax): readonly Syntax[] {
  return [...query.targets.map((target) => target.expression), ...(query.where ? [query.where] : [])];
}
