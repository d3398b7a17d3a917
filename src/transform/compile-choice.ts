// One value of several: CASE, COALESCE, NULLIF, GREATEST, LEAST.

import { comparatorOf } from '../flow/types/comparison.ts';
import type { SqlValue } from '../flow/types/sql-value.ts';
import { COLLATION, isTextOid, OID } from '../flow/types/type-oid.ts';
import type { ExpressionCompiler } from './compile-expression.ts';
import { constantOf, isSignTest, typeRef } from './typed-expression.ts';
import type { Typed } from './expression-scope.ts';
import { commonType, UNKNOWN } from './resolve-function.ts';
import type { CaseSyntax, ListSyntax, NullIfSyntax, Syntax } from './syntax.ts';
import type { Evaluate } from './view-plan.ts';

export function compileChoice(compiler: ExpressionCompiler, node: CaseSyntax | ListSyntax | NullIfSyntax): Typed {
  switch (node.kind) {
    case 'case':
      return compileCase(compiler, node);
    case 'coalesce': {
      const args = unify(compiler, node, node.args);
      const parts = args.map((arg) => arg.evaluate);
      const coalesced = choice(compiler, node, args, (slots) => {
        for (const part of parts) {
          const value = part(slots);
          if (value !== null) return value;
        }
        return null;
      });
      return { ...coalesced, alwaysNull: args.every((arg) => arg.alwaysNull) };
    }
    case 'greatest':
    case 'least':
      return compileExtreme(compiler, node);
    case 'nullif': {
      const left = compiler.compile(node.left);
      const right = compiler.compile(node.right);
      const slot: SqlValue[] = [null];
      const inexact = left.inexact && !isSignTest(node.left, right);
      const held: Typed =
        left.type.oid === UNKNOWN
          ? left
          : { ...left, inexact, constant: false, alwaysNull: false, evaluate: () => slot[0]! };
      const equal = compiler.apply('=', [held, right], node).evaluate;
      const evaluate: Evaluate = (slots) => {
        const value = left.evaluate(slots);
        slot[0] = value;
        // Computed beside a NULL too, as Postgres does: it may raise.
        return equal(slots) === true ? null : value;
      };
      const constant = left.constant && right.constant;
      const alwaysNull =
        left.alwaysNull === true || (isLiteral(node.left) && isLiteral(node.right) && evaluate([]) === null);
      return {
        ...left,
        // Of both, as of a comparison.
        type: isTextOid(left.type.oid) ? { ...left.type, collation: compiler.collationOf([left, right]) } : left.type,
        text: node.text,
        constant,
        alwaysNull,
        explicitCollation: left.explicitCollation || right.explicitCollation,
        evaluate: alwaysNull ? () => null : evaluate,
      };
    }
  }
}

/** Of which Postgres knows the value when it plans: not the text of a date, which depends on settings. */
function isLiteral(node: Syntax): boolean {
  return node.kind === 'constant' || (node.kind === 'cast' && node.argument.kind === 'constant');
}

function compileCase(compiler: ExpressionCompiler, node: CaseSyntax): Typed {
  const held: SqlValue[] = [null];
  const argument = node.argument && compiler.compile(node.argument);
  const conditions = node.whens.map(({ when }) => {
    if (!argument) return compiler.compileAs(when, OID.bool).evaluate;
    // The argument is computed once; each WHEN compares with what is held.
    const subject: Typed =
      argument.type.oid === UNKNOWN
        ? argument
        : { ...argument, constant: false, alwaysNull: false, evaluate: () => held[0]! };
    return compiler.apply('=', [subject, compiler.compile(when)], {
      at: when.at,
      text: `(${argument.text} = ${when.text})`,
    }).evaluate;
  });
  const results = unify(compiler, node, [
    ...node.whens.map(({ result }) => result),
    ...(node.otherwise ? [node.otherwise] : []),
  ]);
  const values = results.map((result) => result.evaluate);
  const otherwise = node.otherwise ? values.at(-1)! : (): SqlValue => null;
  return choice(
    compiler,
    node,
    [...results, ...(argument ? [{ ...argument, inexact: false }] : [])].slice(0, results.length),
    (slots) => {
      const outer = held[0]!;
      if (argument) held[0] = argument.evaluate(slots);
      let chosen = otherwise;
      for (let index = 0; index < conditions.length; index++) {
        if (conditions[index]!(slots) === true) {
          chosen = values[index]!;
          break;
        }
      }
      held[0] = outer;
      return chosen(slots);
    },
  );
}

function compileExtreme(compiler: ExpressionCompiler, node: ListSyntax): Typed {
  const args = unify(compiler, node, node.args);
  const { oid } = args[0]!.type;
  const collation = isTextOid(oid) ? compiler.collationOf(args) : COLLATION.none;
  if (isTextOid(oid)) compiler.checkOrdered(collation, node);
  const compare = comparatorOf(oid, collation);
  const sign = node.kind === 'greatest' ? 1 : -1;
  const parts = args.map((arg) => arg.evaluate);
  if (args.some((arg) => arg.inexact)) compiler.warnInexact(node, 'a comparison');
  return choice(compiler, node, args, (slots) => {
    let best: SqlValue = null;
    for (const part of parts) {
      const value = part(slots);
      if (value !== null && (best === null || compare(value, best) * sign > 0)) best = value;
    }
    return best;
  });
}

/** All of one type: the one that Postgres described, else the common one. */
function unify(compiler: ExpressionCompiler, node: Syntax, parts: readonly Syntax[]): readonly Typed[] {
  const args = parts.map((part) => compiler.compile(part));
  const described = compiler.scope.described(node.text)?.[0];
  const common =
    described ??
    args.reduce<number | undefined>(
      (oid, arg) => (oid === undefined ? undefined : commonType(oid, arg.type.oid)),
      UNKNOWN,
    );
  if (common === undefined) return compiler.refuse(node, 'its values are of different types', 'Write explicit casts.');
  const oid = common === UNKNOWN ? OID.text : common;
  return args.map((arg, index) => compiler.coerce(arg, oid, parts[index]!));
}

function choice(compiler: ExpressionCompiler, node: Syntax, args: readonly Typed[], evaluate: Evaluate): Typed {
  const first = args[0] ?? constantOf('null', typeRef(OID.text), null);
  return {
    type: compiler.typeOf(first.type.oid, args),
    text: node.text,
    evaluate,
    inexact: args.some((arg) => arg.inexact),
    constant: false,
    explicitCollation: args.some((arg) => arg.explicitCollation),
  };
}
