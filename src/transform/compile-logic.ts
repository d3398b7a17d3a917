// Three-valued logic: AND, OR, NOT, IS …, IS DISTINCT FROM, = ANY.

import { equalityKeyOf } from '../flow/types/comparison.ts';
import type { SqlValue } from '../flow/types/sql-value.ts';
import { isTextOid, OID } from '../flow/types/type-oid.ts';
import type { ExpressionCompiler } from './compile-expression.ts';
import { constantOf, typeRef, valueOfConstant } from './typed-expression.ts';
import type { Typed } from './expression-scope.ts';
import { commonType, UNKNOWN } from './resolve-function.ts';
import type { BooleanSyntax, DistinctSyntax, MembershipSyntax, Syntax, TestSyntax } from './syntax.ts';
import type { Evaluate } from './view-plan.ts';

export function compileLogic(
  compiler: ExpressionCompiler,
  node: BooleanSyntax | TestSyntax | DistinctSyntax | MembershipSyntax,
): Typed {
  switch (node.kind) {
    case 'boolean':
      return compileBoolean(compiler, node);
    case 'test':
      return compileTest(compiler, node);
    case 'distinct': {
      const args = [compiler.compile(node.left), compiler.compile(node.right)];
      return result(node, args, distinct(compiler, args, node));
    }
    case 'membership':
      return compileMembership(compiler, node);
  }
}

function compileBoolean(compiler: ExpressionCompiler, node: BooleanSyntax): Typed {
  const args = node.args.map((arg) => compiler.compileAs(arg, OID.bool));
  const parts = args.map((arg) => arg.evaluate);
  if (node.operator === 'not') {
    const part = parts[0]!;
    return result(node, args, (slots) => {
      const value = part(slots);
      return value === null ? null : !value;
    });
  }
  // AND stops at the first false, OR at the first true; a NULL before it is forgotten.
  const decisive = node.operator === 'or';
  return result(node, args, (slots) => {
    let unknown = false;
    for (const part of parts) {
      const value = part(slots);
      if (value === decisive) return decisive;
      if (value === null) unknown = true;
    }
    return unknown ? null : !decisive;
  });
}

function compileTest(compiler: ExpressionCompiler, node: TestSyntax): Typed {
  const argument = node.test === 'null' ? compiler.compile(node.argument) : compiler.compileAs(node.argument, OID.bool);
  const { evaluate } = argument;
  const { negated } = node;
  const wanted: SqlValue = node.test === 'true' ? true : node.test === 'false' ? false : null;
  return result(node, [argument], (slots) => (evaluate(slots) === wanted) !== negated);
}

function distinct(compiler: ExpressionCompiler, args: readonly Typed[], node: DistinctSyntax): Evaluate {
  const [left, right] = args.map((arg) => arg.evaluate) as [Evaluate, Evaluate];
  if (args.every((arg) => arg.type.oid === UNKNOWN)) return (slots) => (left(slots) !== right(slots)) !== node.negated;
  const holders = args.map((arg, index): Typed => ({
    ...arg,
    constant: false,
    alwaysNull: false,
    evaluate: (slots) => slots[index]!,
  }));
  const typed = args.map((arg, index) => (arg.type.oid === UNKNOWN ? arg : holders[index]!));
  const unequal = compiler.apply('<>', typed, node).evaluate;
  const pair: SqlValue[] = [null, null];
  return (slots) => {
    const a = left(slots);
    const b = right(slots);
    pair[0] = a;
    pair[1] = b;
    const differs = a === null || b === null ? a !== b : unequal(pair) === true;
    return differs !== node.negated;
  };
}

function compileMembership(compiler: ExpressionCompiler, node: MembershipSyntax): Typed {
  const left = compiler.compile(node.left);
  const elements = elementsOf(compiler, node.array, left);
  const args = [left, ...elements];
  const common = elements.reduce<number | undefined>(
    (oid, element) => (oid === undefined ? undefined : commonType(oid, element.type.oid)),
    UNKNOWN,
  );
  if (common === undefined)
    return compiler.refuse(node, 'the elements of the array are of different types', 'Write explicit casts.');
  const elementType = common === UNKNOWN ? left.type.oid : common;
  const ready = elements.map((element) => compiler.coerce(element, elementType, node));
  const holder = (slot: number, typed: Typed): Typed => ({
    ...typed,
    constant: false,
    alwaysNull: false,
    evaluate: (slots) => slots[slot]!,
  });
  const sample = ready[0] ?? constantOf('null', typeRef(elementType), null);
  const test = compiler.apply(
    node.operator,
    [holder(0, left), holder(1, { ...sample, type: { ...sample.type, oid: elementType } })],
    node,
  ).evaluate;
  const any = node.quantifier === 'any';
  const fast = fastSet(node, left, ready, elementType);
  if (fast) return result(node, args, fast);
  const pair: SqlValue[] = [null, null];
  const values: SqlValue[] = ready.map(() => null);
  return result(node, args, (slots) => {
    const value = left.evaluate(slots);
    // Postgres makes the array before it looks for anything in it: what raises there raises beside what is found too.
    for (let i = 0; i < ready.length; i++) values[i] = ready[i]!.evaluate(slots);
    let unknown = false;
    for (const element of values) {
      pair[0] = value;
      pair[1] = element;
      const found = test(pair);
      if (found === any) return any;
      if (found === null) unknown = true;
    }
    return unknown ? null : !any;
  });
}

/** `x = any (constants)` and `x <> all (constants)` of one type: a set, asked once. */
function fastSet(node: MembershipSyntax, left: Typed, elements: readonly Typed[], oid: number): Evaluate | undefined {
  const positive = node.operator === '=' && node.quantifier === 'any';
  const negative = node.operator === '<>' && node.quantifier === 'all';
  const same =
    left.type.oid === oid ||
    (isTextOid(left.type.oid) && isTextOid(oid) && left.type.oid !== OID.bpchar && oid !== OID.bpchar);
  if (!(positive || negative) || !same || elements.length === 0) return undefined;
  const values: SqlValue[] = [];
  for (const element of elements) {
    const value = valueOfConstant(element);
    if (value === undefined) return undefined;
    values.push(value);
  }
  const key = equalityKeyOf(oid);
  const keys = new Set(values.flatMap((value) => (value === null ? [] : [key(value)])));
  const otherwise = values.includes(null) ? null : negative;
  return (slots) => {
    const value = left.evaluate(slots);
    if (value === null) return null;
    return keys.has(key(value)) ? positive : otherwise;
  };
}

function elementsOf(compiler: ExpressionCompiler, array: Syntax, left: Typed): readonly Typed[] {
  if (array.kind === 'array') return array.elements.map((element) => compiler.compile(element));
  if (array.kind !== 'cast' || !array.type.array) {
    return compiler.refuse(array, 'only an array written out can stand here', "Write it as array['a', 'b'].");
  }
  const type = { ...array.type, array: false, text: array.type.text.replace(/\[\]$/, '') };
  const inner = array.argument.kind === 'cast' && array.argument.type.array ? array.argument.argument : array.argument;
  let items: readonly Syntax[];
  if (inner.kind === 'array') items = inner.elements;
  else if (inner.kind === 'constant' && inner.constant === 'string')
    items = arrayConstants(compiler, inner.value, inner.at);
  else return compiler.refuse(array, 'only an array written out can stand here', "Write it as array['a', 'b'].");
  void left;
  return items.map((argument) =>
    compiler.compile({ kind: 'cast', at: argument.at, argument, type, text: `(${argument.text})::${type.text}` }),
  );
}

/** `{a,"b c",NULL}` */
function arrayConstants(compiler: ExpressionCompiler, text: string, at: number): readonly Syntax[] {
  const items: Syntax[] = [];
  const body = /^\{(.*)\}$/s.exec(text)?.[1];
  if (body === undefined || /^[{]/.test(body))
    return compiler.refuse({ at }, 'this array cannot be read', "Write it as array['a', 'b'].");
  const pattern = /(?:"((?:[^"\\]|\\.)*)"|([^",{}\\]+))(,|$)/gsy;
  while (pattern.lastIndex < body.length) {
    const match = pattern.exec(body);
    if (!match) return compiler.refuse({ at }, 'this array cannot be read', "Write it as array['a', 'b'].");
    const [, quoted, plain] = match;
    const isNull = quoted === undefined && plain!.trim().toUpperCase() === 'NULL';
    const value = quoted === undefined ? plain!.trim() : quoted.replace(/\\(.)/gs, '$1');
    items.push({
      kind: 'constant',
      at,
      constant: isNull ? 'null' : 'string',
      value,
      text: isNull ? 'null' : `'${value.replaceAll("'", "''")}'`,
    });
  }
  return items;
}

function result(node: Syntax, args: readonly Typed[], evaluate: Evaluate): Typed {
  return {
    type: typeRef(OID.bool),
    text: node.text,
    evaluate,
    inexact: false,
    constant: args.every((arg) => arg.constant),
    explicitCollation: false,
  };
}
