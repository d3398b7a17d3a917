// The small pieces that compiled expressions are put together from.

import { Decimal } from '../flow/types/decimal.ts';
import type { SqlValue } from '../flow/types/sql-value.ts';
import { COLLATION, isTextOid } from '../flow/types/type-oid.ts';
import { MillraceError } from '../runtime/errors.ts';
import type { Typed } from './expression-scope.ts';
import { UNKNOWN } from './resolve-function.ts';
import type { Compute } from './scalars/scalar-function.ts';
import type { Syntax } from './syntax.ts';
import type { Evaluate, TypeRef } from './view-plan.ts';

/**
 * A quotient or an average beside a constant zero: the float8 result has the sign of the exact one, and is zero where that is.
 * (The sum that an average is made of is exact.)
 */
export function isSignTest(left: Syntax, right: Typed): boolean {
  const plain = (left.kind === 'operator' && left.name === '/') || (left.kind === 'call' && left.name === 'avg');
  if (!plain) return false;
  const value = valueOfConstant(right);
  return value === 0 || (value instanceof Decimal && value.unscaled === 0);
}

/** What a constant expression gives; undefined where it is none, or raises, which it does for the rows that ask for it. */
export function valueOfConstant(typed: Typed): SqlValue | undefined {
  if (!typed.constant) return undefined;
  try {
    return typed.evaluate([]);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'DATA') return undefined;
    throw error;
  }
}

export const typeRef = (oid: number): TypeRef => ({
  oid,
  typmod: -1,
  collation: isTextOid(oid) ? COLLATION.default : COLLATION.none,
});

export function constantOf(text: string, type: TypeRef, value: SqlValue): Typed {
  const alwaysNull = value === null;
  return { text, type, evaluate: () => value, inexact: false, constant: true, alwaysNull, explicitCollation: false };
}

export function slotOf(
  text: string,
  { slot, type, inexact }: { readonly slot: number; readonly type: TypeRef; readonly inexact: boolean },
): Typed {
  return { text, type, evaluate: (slots) => slots[slot]!, inexact, constant: false, explicitCollation: false };
}

const NULL: Evaluate = () => null;

/**
 * NULL in, NULL out; one closure shape an arity. Every argument is computed before any is looked at, as in Postgres: what
 * raises there raises beside a NULL too, but beside one that the query itself says.
 */
export function strict(compute: Compute, args: readonly Typed[]): Evaluate {
  if (args.some((arg) => arg.alwaysNull)) return NULL;
  const [first, second, third] = args.map((arg) => arg.evaluate);
  switch (args.length) {
    case 0:
      return () => compute() as SqlValue;
    case 1:
      return (slots) => {
        const a = first!(slots);
        return a === null ? null : (compute(a) as SqlValue);
      };
    case 2: {
      // A constant on the right is common: it is read once.
      if (args[1]!.constant && args[1]!.type.oid !== UNKNOWN) {
        let fixed: SqlValue | undefined;
        return (slots) => {
          const a = first!(slots);
          fixed ??= second!(slots);
          return a === null || fixed === null ? null : (compute(a, fixed) as SqlValue);
        };
      }
      return (slots) => {
        const a = first!(slots);
        const b = second!(slots);
        return a === null || b === null ? null : (compute(a, b) as SqlValue);
      };
    }
    case 3:
      return (slots) => {
        const a = first!(slots);
        const b = second!(slots);
        const c = third!(slots);
        return a === null || b === null || c === null ? null : (compute(a, b, c) as SqlValue);
      };
    default:
      return (slots) => {
        const values = args.map((arg) => arg.evaluate(slots));
        return values.includes(null) ? null : (compute(...values) as SqlValue);
      };
  }
}
