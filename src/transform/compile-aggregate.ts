// Arguments, filter and result type of an aggregate or window function.

import { isComputedOid, isTextOid, OID } from '../flow/types/type-oid.ts';
import type { ExpressionCompiler } from './compile-expression.ts';
import { typeRef, valueOfConstant } from './typed-expression.ts';
import type { Typed } from './expression-scope.ts';
import { isNumber } from './resolve-function.ts';
import type { CallSyntax } from './syntax.ts';
import { typeNameOf } from './type-names.ts';
import type { AggregateName, PlanExpression, RankName, TypeRef } from './view-plan.ts';

export interface CompiledCall {
  readonly args: readonly PlanExpression[];
  readonly filter: PlanExpression | undefined;
  readonly type: TypeRef;
}

/** Refuses argument types that the operators do not have. */
export function compileArguments(
  compiler: ExpressionCompiler,
  node: CallSyntax,
  name: AggregateName | RankName,
): CompiledCall {
  const args = node.args.map((arg) => compiler.compile(arg));
  const filter = node.filter && compiler.compileAs(node.filter, OID.bool);
  const first = args[0];
  const type = resultType(compiler, node, name, first);
  if (name === 'count' && node.args.length > 1)
    compiler.refuse(node, 'count() takes one argument', 'Count one column, or count(*).');
  if (name === 'lag') return { args: lagArguments(compiler, node, args), filter, type };
  if (name === 'nth_value') positiveConstant(compiler, node, args[1], 1);
  const described = compiler.scope.described(node.text);
  if (described && described[0] !== type.oid && !(isTextOid(described[0]) && isTextOid(type.oid))) {
    compiler.refuse(
      node,
      `${node.name}() over ${first ? typeNameOf(first.type.oid) : 'nothing'} is not compiled`,
      'Cast its argument.',
    );
  }
  return { args, filter, type: described ? { ...type, oid: described[0], typmod: described[1] } : type };
}

function resultType(
  compiler: ExpressionCompiler,
  node: CallSyntax,
  name: AggregateName | RankName,
  first: Typed | undefined,
): TypeRef {
  switch (name) {
    case 'count':
    case 'row_number':
    case 'rank':
    case 'dense_rank':
      return typeRef(OID.int8);
    case 'bool_and':
    case 'bool_or':
      if (first?.type.oid !== OID.bool) compiler.refuse(node, `${node.name}() needs a boolean`, 'Write a comparison.');
      return typeRef(OID.bool);
    case 'min':
    case 'max': {
      const { oid, collation } = needed(compiler, node, first).type;
      if (isTextOid(oid)) compiler.checkOrdered(collation, node);
      else if (!isComputedOid(oid))
        compiler.refuse(node, `${node.name}() over ${typeNameOf(oid)} is not compiled`, 'Use a number, time or text.');
      return { oid: oid === OID.varchar ? OID.text : oid, typmod: -1, collation };
    }
    case 'lag':
    case 'first_value':
    case 'last_value':
    case 'nth_value':
      return { ...needed(compiler, node, first).type };
    case 'sum':
    case 'avg':
    case 'stddev_samp':
    case 'stddev_pop':
    case 'var_samp':
    case 'var_pop': {
      const { oid } = needed(compiler, node, first).type;
      if (!isNumber(oid))
        return compiler.refuse(
          node,
          `${node.name}() over ${typeNameOf(oid)} is not compiled`,
          'Use a number: for an interval, extract(epoch from …).',
        );
      return typeRef(sumType(name, oid));
    }
  }
}

function needed(compiler: ExpressionCompiler, node: CallSyntax, first: Typed | undefined): Typed {
  return first ?? compiler.refuse(node, `${node.name}() needs an argument`, 'Name a column.');
}

function sumType(name: string, oid: number): number {
  if (name === 'sum') {
    if (oid === OID.int2 || oid === OID.int4) return OID.int8;
    return oid === OID.int8 ? OID.numeric : oid;
  }
  return oid === OID.float4 || oid === OID.float8 ? OID.float8 : OID.numeric;
}

/** Inexact: what Postgres computes as numeric and the operators as float8. */
export const isInexactAggregate = (name: string, type: TypeRef, args: readonly PlanExpression[]): boolean =>
  (type.oid === OID.numeric && !['sum', 'min', 'max', 'count'].includes(name)) ||
  args.some((arg) => (arg as Typed).inexact && type.oid === OID.numeric);

function lagArguments(compiler: ExpressionCompiler, node: CallSyntax, args: readonly Typed[]): readonly Typed[] {
  const [value, offset, otherwise] = args;
  if (offset) positiveConstant(compiler, node, offset, 0);
  if (!otherwise) return args;
  return [value!, offset!, compiler.coerce(otherwise, value!.type.oid, node)];
}

function positiveConstant(
  compiler: ExpressionCompiler,
  node: CallSyntax,
  typed: Typed | undefined,
  least: number,
): void {
  const value = Number((typed && valueOfConstant(typed)) ?? NaN);
  if (value < 0 && node.name === 'lag') {
    compiler.scope.sql.refuse(
      node.at,
      'lag() with a negative offset sees rows after the current one',
      'Use a positive offset.',
      'FUTURE',
    );
  }
  if (!(value >= least))
    compiler.refuse(node, `the offset of ${node.name}() must be a constant of at least ${least}`, 'Write a number.');
}
