// Calls whose meaning is not in their argument types alone: fields named by a constant, arguments by name, any number of
// arguments, regular expressions; and what is refused by name with a hint of its own.

import { printerOf, textCastOf } from '../flow/types/sql-text.ts';
import type { SqlValue } from '../flow/types/sql-value.ts';
import { isComputedOid, isTextOid, OID } from '../flow/types/type-oid.ts';
import { isAggregateName, rankNamed } from './aggregate-names.ts';
import type { ExpressionCompiler } from './compile-expression.ts';
import { strict, typeRef, valueOfConstant } from './typed-expression.ts';
import type { Typed } from './expression-scope.ts';
import { UNKNOWN } from './resolve-function.ts';
import { compileRegularExpression } from './scalars/regular-expression.ts';
import { fieldNamed } from './scalars/time-fields.ts';
import { intervalFromParts, isNamedZone } from './scalars/time-functions.ts';
import type { CallSyntax, OperatorSyntax } from './syntax.ts';

const INTERVAL_PARTS = ['years', 'months', 'weeks', 'days', 'hours', 'mins', 'secs'];

/** Undefined where the call is an ordinary one. `args` are the compiled operands of an operator. */
export function compileSpecialCall(
  compiler: ExpressionCompiler,
  node: CallSyntax | OperatorSyntax,
  args?: readonly Typed[],
): Typed | undefined {
  if (node.kind === 'operator') return args && compileSpecialOperator(compiler, node, args);
  switch (node.name) {
    case 'extract':
    case 'date_part':
    case 'date_trunc':
      return compileField(compiler, node);
    case 'make_interval':
      return compileMakeInterval(compiler, node);
    case 'concat':
      return compileConcat(
        compiler,
        node,
        node.args.map((arg) => compiler.compile(arg)),
        undefined,
      );
    case 'concat_ws': {
      const [separator, ...rest] = node.args.map((arg) => compiler.compile(arg));
      return compileConcat(compiler, node, rest, compiler.coerce(separator!, OID.text, node));
    }
    case 'timezone': {
      const zone = compiler.compile(node.args[0]!);
      const named = zone.type.oid === OID.text || zone.type.oid === UNKNOWN ? valueOfConstant(zone) : undefined;
      if (typeof named !== 'string' || !isNamedZone(named)) {
        return compiler.refuse(
          node,
          'only a time zone named in full is compiled',
          "Write it as 'Europe/Berlin' or 'UTC'.",
        );
      }
      return undefined;
    }
    case 'age':
      return compiler.refuse(node, 'age() is not compiled', 'Subtract the timestamps.');
    default:
      if (isAggregateName(node.name) || rankNamed(node.name)) {
        return compiler.refuse(
          node,
          `${node.name}() cannot stand here`,
          'Write it as a window call: over (partition by … order by …).',
        );
      }
      return undefined;
  }
}

function compileField(compiler: ExpressionCompiler, node: CallSyntax): Typed {
  const field = compiler.compile(node.args[0]!);
  const named = field.type.oid === UNKNOWN || isTextOid(field.type.oid) ? valueOfConstant(field) : undefined;
  if (typeof named !== 'string') {
    return compiler.refuse(node, `the field of ${node.name}() must be a constant`, "Write it as 'hour'.");
  }
  const name = `${node.name}/${fieldNamed(named)}`;
  const args = node.args.slice(1).map((arg) => compiler.compile(arg));
  // date_part and date_trunc have no date of their own: Postgres's turn it into a timestamp first.
  const widened = node.name === 'extract' ? args : args.map((arg, index) => widenDate(compiler, node, arg, index));
  return compiler.apply(name, widened, node);
}

function widenDate(compiler: ExpressionCompiler, node: CallSyntax, arg: Typed, index: number): Typed {
  if (index > 0 || arg.type.oid !== OID.date) return arg;
  return compiler.cast(arg, node.name === 'date_part' ? OID.timestamp : OID.timestamptz, node, arg.text);
}

function compileMakeInterval(compiler: ExpressionCompiler, node: CallSyntax): Typed {
  const parts = INTERVAL_PARTS.map((): Typed | undefined => undefined);
  node.args.forEach((arg, index) => {
    const place = node.argNames[index] === undefined ? index : INTERVAL_PARTS.indexOf(node.argNames[index]);
    parts[place] = compiler.compileAs(arg, place === 6 ? OID.float8 : OID.int4);
  });
  const zero: Typed = { ...typedZero, type: typeRef(OID.int4) };
  const args = parts.map((part) => part ?? zero);
  return {
    type: typeRef(OID.interval),
    text: node.text,
    evaluate: strict((...values: number[]) => intervalFromParts(values), args),
    inexact: false,
    constant: args.every((arg) => arg.constant),
    explicitCollation: false,
  };
}

const typedZero = { text: '0', evaluate: (): SqlValue => 0, inexact: false, constant: true, explicitCollation: false };

/** NULLs are left out; values appear as Postgres sends them, booleans as t and f. */
function compileConcat(
  compiler: ExpressionCompiler,
  node: CallSyntax,
  args: readonly Typed[],
  separator: Typed | undefined,
): Typed {
  const parts = args.map((arg) => {
    if (arg.type.oid !== UNKNOWN && !isComputedOid(arg.type.oid))
      compiler.refuse(node, 'this type has no text here', 'Cast it to text.');
    warnPrinted(compiler, node, arg);
    return { evaluate: arg.evaluate, print: printerOf(arg.type.oid, compiler.scope.environment.timezone) };
  });
  const all = separator ? [separator, ...args] : args;
  return {
    type: compiler.typeOf(OID.text, all),
    text: node.text,
    evaluate: (slots) => {
      const between = separator ? separator.evaluate(slots) : '';
      let text: string | undefined;
      for (const part of parts) {
        const value = part.evaluate(slots);
        if (value !== null)
          text = text === undefined ? part.print(value) : text + (between as string) + part.print(value);
      }
      // Only now: what stands beside a NULL separator is computed too, and may raise.
      return between === null ? null : (text ?? '');
    },
    inexact: false,
    constant: false,
    explicitCollation: all.some((arg) => arg.explicitCollation),
  };
}

function warnPrinted(compiler: ExpressionCompiler, node: CallSyntax | OperatorSyntax, arg: Typed): void {
  if (arg.inexact) compiler.warnInexact(node, 'the text');
}

const LIKE = new Set(['~~', '!~~', '~~*', '!~~*']);
const REGULAR = new Set(['~', '!~', '~*', '!~*']);

function compileSpecialOperator(
  compiler: ExpressionCompiler,
  node: OperatorSyntax,
  args: readonly Typed[],
): Typed | undefined {
  const [left, right] = args as [Typed, Typed];
  if (LIKE.has(node.name) && /(?<!\\)(?:\\\\)*\\$/.test(String(valueOfConstant(right)))) {
    return compiler.refuse(
      node,
      'the pattern ends in a single backslash, which Postgres rejects for some rows',
      'Double it.',
    );
  }
  if (node.name === '||' && args.length === 2 && isTextOid(left.type.oid) !== isTextOid(right.type.oid)) {
    const ready = args.map((arg) => {
      if (isTextOid(arg.type.oid)) return compiler.coerce(arg, OID.text, node);
      if (arg.type.oid === UNKNOWN) return compiler.coerce(arg, OID.text, node);
      if (!isComputedOid(arg.type.oid)) return compiler.refuse(node, 'this type has no text here', 'Cast it to text.');
      warnPrinted(compiler, node, arg);
      const print = textCastOf(arg.type.oid, compiler.scope.environment.timezone);
      return { ...arg, type: typeRef(OID.text), evaluate: strict(print as (value: SqlValue) => string, [arg]) };
    });
    return compiler.apply('||', ready, node);
  }
  if (!REGULAR.has(node.name) || args.length !== 2) return undefined;
  const pattern = right.type.oid !== OID.bpchar ? valueOfConstant(right) : undefined;
  if (node.name.endsWith('*')) {
    return compiler.refuse(
      node,
      'a case-insensitive regular expression is not compiled',
      'Write lower(x) ~ pattern, or x ilike pattern.',
    );
  }
  if (typeof pattern !== 'string')
    return compiler.refuse(node, 'a regular expression must be a constant', 'Write the pattern itself, or use LIKE.');
  const matcher = compileRegularExpression(pattern);
  if (typeof matcher === 'string') {
    return compiler.refuse(
      node,
      `${matcher} may mean something else here than in Postgres`,
      'Use literal characters, [a-z], ., *, +, ?, {n,m}, |, ( ), ^ and $; or LIKE.',
    );
  }
  const text = left.type.oid === OID.bpchar ? left : compiler.coerce(left, OID.text, node);
  const negated = node.name.startsWith('!');
  return {
    type: typeRef(OID.bool),
    text: node.text,
    evaluate: strict((value: string) => matcher(value) !== negated, [text]),
    inexact: false,
    constant: text.constant,
    explicitCollation: false,
  };
}
