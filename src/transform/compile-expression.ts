// Expressions to closures. Each node is compiled for the exact types of its parts; NULL is handled here, so that functions never
// see it; and the type found here must be the one that Postgres described.

import { isOrderedCollation } from '../flow/types/comparison.ts';
import { parseNumeric } from '../flow/types/decimal.ts';
import { COLLATION, isTextOid, OID } from '../flow/types/type-oid.ts';
import { compileChoice } from './compile-choice.ts';
import { compileLogic } from './compile-logic.ts';
import { compileSpecialCall } from './compile-special-call.ts';
import type { Scope, Typed } from './expression-scope.ts';
import { isImplicit, resolveFunction, UNKNOWN } from './resolve-function.ts';
import { castOf, readConstant, typmodOf } from './scalars/casts.ts';
import { lowerAscii, upperAscii } from './scalars/case-mapping.ts';
import type { Environment } from './scalars/scalar-function.ts';
import { constantOf, isSignTest, slotOf, strict, typeRef } from './typed-expression.ts';
import type { CallSyntax, CastSyntax, ConstantSyntax, OperatorSyntax, Syntax } from './syntax.ts';
import { typeNameOf, typeOidOf, typmodFrom } from './type-names.ts';
import type { TypeRef } from './view-plan.ts';

const ORDERING = new Set(['<', '<=', '>', '>=']);
const EQUALITY = new Set(['=', '<>']);
/** What depends on upper and lower case. */
const CASED = new Set(['lower', 'upper', '~~*', '!~~*']);

export class ExpressionCompiler {
  readonly scope: Scope;

  constructor(scope: Scope) {
    this.scope = scope;
  }

  compile(node: Syntax): Typed {
    const ready = this.scope.result(node);
    if (ready) return slotOf(node.text, ready);
    const typed = this.#compile(node);
    const described = this.scope.described(node.text);
    if (!described || typed.type.oid === UNKNOWN) return typed;
    const [oid, typmod] = described;
    if (oid !== typed.type.oid && !(isTextOid(oid) && isTextOid(typed.type.oid))) {
      this.refuse(
        node,
        `Postgres gives ${typeNameOf(oid)} here, where ${typeNameOf(typed.type.oid)} was expected`,
        'Write an explicit cast.',
      );
    }
    return { ...typed, type: { ...typed.type, oid, typmod } };
  }

  /** Compiles and casts to a type as an assignment-free context does: bare constants and implicit casts only. */
  compileAs(node: Syntax, oid: number): Typed {
    return this.coerce(this.compile(node), oid, node);
  }

  refuse(node: { readonly at: number }, reason: string, hint: string): never {
    return this.scope.sql.refuse(node.at, reason, hint);
  }

  #compile(node: Syntax): Typed {
    switch (node.kind) {
      case 'column':
        return slotOf(node.text, this.scope.column(node));
      case 'constant':
        return this.#constant(node);
      case 'cast':
        return this.#cast(node);
      case 'operator':
        return this.#operator(node);
      case 'call':
        return compileSpecialCall(this, node) ?? this.#call(node);
      case 'boolean':
      case 'test':
      case 'distinct':
      case 'membership':
        return compileLogic(this, node);
      case 'case':
      case 'coalesce':
      case 'greatest':
      case 'least':
      case 'nullif':
        return compileChoice(this, node);
      case 'collate': {
        const argument = this.compile(node.argument);
        const collation = this.scope.collationNamed(node.collation);
        if (!collation) return this.refuse(node, `collation ${node.collation} is not known here`, 'Use collate "C".');
        return {
          ...argument,
          type: { ...argument.type, collation: collation.oid },
          explicitCollation: true,
          text: node.text,
        };
      }
      case 'array':
        return this.refuse(node, 'an array is compiled only after = ANY or IN', 'Compare with its elements.');
      case 'subquery':
        return this.refuse(node, 'a subquery cannot stand here', 'Use it as a column of the view.');
    }
  }

  #constant(node: ConstantSyntax): Typed {
    switch (node.constant) {
      case 'null':
        return constantOf(node.text, typeRef(UNKNOWN), null);
      case 'string':
        return constantOf(node.text, typeRef(UNKNOWN), node.value);
      case 'boolean':
        return constantOf(node.text, typeRef(OID.bool), node.value === 'true');
      case 'integer':
        return constantOf(node.text, typeRef(OID.int4), Number(node.value));
      case 'decimal': {
        // Integers beyond int4 come as decimals.
        const whole = /^\d+$/.test(node.value) && BigInt.asIntN(64, BigInt(node.value)) === BigInt(node.value);
        if (whole) return constantOf(node.text, typeRef(OID.int8), BigInt(node.value));
        return constantOf(node.text, typeRef(OID.numeric), parseNumeric(node.value)!);
      }
    }
  }

  #cast(node: CastSyntax): Typed {
    // As pg_get_viewdef shows a bare constant that any type will do for.
    if (node.type.name === 'unknown' && !node.type.array) return this.compile(node.argument);
    const oid = node.type.array ? undefined : typeOidOf(node.type);
    if (oid === undefined) {
      return this.refuse(
        node,
        `type ${node.type.text.replaceAll('"', '')} is not compiled`,
        'Keep the value in a column of a plain type.',
      );
    }
    const argument = this.compile(node.argument);
    const typmod = typmodFrom(oid, node.type.modifiers);
    const plain = this.cast(argument, oid, node, node.text);
    const modify = typmodOf(oid, typmod);
    const type = { ...plain.type, oid, typmod };
    // A plain `character` is character(1), which the parser says by a modifier of its own.
    if (!modify) return { ...plain, type, text: node.text };
    const rounds = oid === OID.numeric && argument.inexact;
    if (rounds) this.warnInexact(node, 'rounding');
    return { ...plain, type, text: node.text, inexact: plain.inexact && !rounds, evaluate: strict(modify, [plain]) };
  }

  /** An explicit cast. Refuses one that is not compiled. */
  cast(argument: Typed, oid: number, node: { readonly at: number }, text: string): Typed {
    const { environment } = this.scope;
    const from = argument.type.oid;
    if (from === UNKNOWN) {
      const value = argument.evaluate([]);
      const constant = value === null ? null : readConstant(value as string, oid, environment);
      if (constant === undefined) {
        return this.refuse(
          node,
          `the constant cannot be read as ${typeNameOf(oid)}`,
          'Write it as Postgres prints it, e.g. 2026-01-31 12:00:00.',
        );
      }
      return constantOf(text, this.#typeOf(oid, [argument]), constant);
    }
    const compute = castOf(from, oid, environment);
    if (!compute) {
      return this.refuse(
        node,
        `the cast from ${typeNameOf(from)} to ${typeNameOf(oid)} is not compiled`,
        'Keep the value in a column of that type.',
      );
    }
    if (argument.inexact && oid !== OID.numeric && oid !== OID.float8 && oid !== OID.float4)
      this.warnInexact(node, 'a cast');
    const inexact = argument.inexact && oid === OID.numeric;
    const type = this.#typeOf(oid, [argument]);
    const evaluate =
      from === oid || (isTextOid(from) && isTextOid(oid) && from !== OID.bpchar)
        ? argument.evaluate
        : strict(compute, [argument]);
    return { ...argument, type, text, inexact, evaluate };
  }

  /** A cast that Postgres adds by itself. */
  coerce(typed: Typed, oid: number, node: { readonly at: number }): Typed {
    const from = typed.type.oid;
    if (from === oid) return typed;
    if (from !== UNKNOWN && !isImplicit(from, oid) && !(isTextOid(from) && isTextOid(oid))) {
      return this.refuse(node, `expected ${typeNameOf(oid)}, got ${typeNameOf(from)}`, 'Write an explicit cast.');
    }
    return this.cast(typed, oid, node, typed.text);
  }

  #operator(node: OperatorSyntax): Typed {
    const args = (node.left ? [node.left, node.right] : [node.right]).map((part) => this.compile(part));
    const special = compileSpecialCall(this, node, args);
    if (special) return special;
    const [left, right] = args;
    if (left && right && isSignTest(node.left!, right))
      return this.apply(node.name, [{ ...left, inexact: false }, right], node);
    return this.apply(node.name, args, node);
  }

  #call(node: CallSyntax): Typed {
    if (node.star || node.distinct || node.filter || node.over || node.argNames.some((name) => name !== undefined)) {
      return this.refuse(node, `this form of ${node.name}() is not compiled`, 'Write its arguments by place.');
    }
    const args = node.args.map((part) => this.compile(part));
    return this.apply(node.name, args, node);
  }

  /** A function or operator by name over compiled arguments. */
  apply(name: string, args: readonly Typed[], node: { readonly at: number; readonly text: string }): Typed {
    const resolution = resolveFunction(
      name,
      args.map((arg) => arg.type.oid),
    );
    if (!resolution) {
      const shown = args.map((arg) => (arg.type.oid === UNKNOWN ? 'unknown' : typeNameOf(arg.type.oid))).join(', ');
      return this.refuse(
        node,
        `${name}(${shown}) is not compiled`,
        'docs/sql.md lists what is; or keep the value in a column of the table.',
      );
    }
    const { found } = resolution;
    const ready = args.map((arg, index) =>
      arg.type.oid === resolution.args[index] ? arg : this.cast(arg, resolution.args[index]!, node, arg.text),
    );
    this.#checkText(name, ready, node);
    if (found.sharp && ready.some((arg) => arg.inexact))
      this.warnInexact(node, EQUALITY.has(name) || ORDERING.has(name) ? 'a comparison' : 'rounding');
    const compute = found.make(this.#environmentFor(name, ready, node));
    const inexact = found.inexact || (found.result === OID.numeric && !found.sharp && ready.some((arg) => arg.inexact));
    return {
      type: this.#typeOf(found.result, ready),
      text: node.text,
      evaluate: strict(compute, ready),
      inexact,
      constant: ready.every((arg) => arg.constant),
      alwaysNull: ready.some((arg) => arg.alwaysNull),
      explicitCollation: ready.some((arg) => arg.explicitCollation),
    };
  }

  /** Case is mapped as the collation has it: in C and POSIX that is ASCII alone. */
  #environmentFor(name: string, args: readonly Typed[], node: { readonly at: number }): Environment {
    const { environment } = this.scope;
    if (!CASED.has(name) || !args.some((arg) => isTextOid(arg.type.oid))) return environment;
    const collation = this.collationOf(args);
    if (collation === COLLATION.c || collation === COLLATION.posix)
      return { ...environment, lower: lowerAscii, upper: upperAscii };
    // The table is that of the database's own collation, whatever it is called here.
    const standard = this.scope.collationOf(COLLATION.default).oid;
    if (collation === standard || collation === COLLATION.none) return environment;
    return this.refuse(
      node,
      'upper and lower case in this collation are known to Postgres alone',
      'Write collate "C" (ASCII alone) or collate "default" behind the expression.',
    );
  }

  #checkText(name: string, args: readonly Typed[], node: { readonly at: number }): void {
    if (args.length !== 2 || !isTextOid(args[0]!.type.oid)) return;
    if (ORDERING.has(name)) this.checkOrdered(this.collationOf(args), node);
    if (EQUALITY.has(name)) this.checkEquality(this.collationOf(args), node);
  }

  /** Text is ordered only where the order is that of code points. */
  checkOrdered(collation: number, node: { readonly at: number }): void {
    if (!isOrderedCollation(collation)) {
      this.refuse(
        node,
        'the order of text in this collation is known to Postgres alone',
        'Write collate "C" behind the expression.',
      );
    }
  }

  checkEquality(collation: number, node: { readonly at: number }): void {
    if (!this.scope.collationOf(collation).deterministic) {
      this.refuse(
        node,
        'equality in a nondeterministic collation is known to Postgres alone',
        'Write collate "C" behind the expression.',
      );
    }
  }

  /** As Postgres derives it: an explicit one wins, then a column's own over the default. -1 where they differ. */
  collationOf(args: readonly Typed[]): number {
    const texts = args.filter((arg) => arg.type.collation !== COLLATION.none);
    const explicit = texts.filter((arg) => arg.explicitCollation);
    const chosen = new Set(
      (explicit.length > 0 ? explicit : texts.filter((arg) => !arg.constant)).map((arg) => arg.type.collation),
    );
    const standard = this.scope.collationOf(COLLATION.default).oid;
    if (chosen.size > 1) chosen.delete(standard);
    if (chosen.size > 1) return -1;
    return [...chosen][0] ?? standard;
  }

  #typeOf(oid: number, args: readonly Typed[]): TypeRef {
    return { oid, typmod: -1, collation: isTextOid(oid) ? this.collationOf(args) : COLLATION.none };
  }

  typeOf(oid: number, args: readonly Typed[]): TypeRef {
    return this.#typeOf(oid, args);
  }

  warnInexact(node: { readonly at: number }, what: string): void {
    const place = this.scope.sql.placeOf(node.at);
    const message = `${what} of a value that came of a numeric division, avg or stddev: it is computed in float8 here, so a value on the boundary can fall to the other side`;
    if (this.scope.warnings.some((warning) => warning.line === place.line && warning.column === place.column)) return;
    this.scope.warnings.push({
      message,
      hint: 'Cast to float8 before dividing, so that Postgres computes the same.',
      ...place,
    });
  }
}
