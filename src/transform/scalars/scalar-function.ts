// What one function or operator is, for exact argument types: its result's type and how it is computed. A file of this folder
// gives the functions of one domain; function-table.ts puts them together.

import { MillraceError } from '../../runtime/errors.ts';

/** What a function's meaning may depend on beside its arguments. */
export interface Environment {
  readonly timezone: string;
  /** Undefined where no case mapping was described. */
  readonly lower: ((text: string) => string) | undefined;
  readonly upper: ((text: string) => string) | undefined;
}

/** Arguments are never NULL: a NULL argument makes a NULL result before this is called. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each function takes the JavaScript form of its own argument types
export type Compute = (...args: any[]) => unknown;

export interface ScalarFunction {
  readonly result: number;
  readonly make: (environment: Environment) => Compute;
  /** Cuts or compares its argument's value at a boundary: worth a warning when that is an inexact numeric. */
  readonly sharp: boolean;
  /** Gives an inexact numeric whatever its arguments are. */
  readonly inexact: boolean;
}

export type FunctionTable = Map<string, ScalarFunction>;

export const functionKey = (name: string, args: readonly number[]): string => `${name}(${args.join(',')})`;

export class FunctionSet {
  readonly table: FunctionTable = new Map();

  /** Functions by name, operators by their sign. */
  add(name: string, args: readonly number[], result: number, compute: Compute, flags: Flags = {}): void {
    this.addMade(name, args, result, () => compute, flags);
  }

  /** A function that depends on the environment. */
  addMade(
    name: string,
    args: readonly number[],
    result: number,
    make: ScalarFunction['make'],
    flags: Flags = {},
  ): void {
    const { sharp = false, inexact = false } = flags;
    this.table.set(functionKey(name, args), { result, make, sharp, inexact });
  }
}

interface Flags {
  readonly sharp?: boolean;
  readonly inexact?: boolean;
}

/** What Postgres would raise; never with a value of the row. */
export function dataError(message: string): never {
  throw new MillraceError('DATA', message);
}
