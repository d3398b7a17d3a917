// Every function and operator that is compiled, by name and exact argument types.

import { addComparisonFunctions } from './comparison-functions.ts';
import { addNumberFunctions } from './number-functions.ts';
import { FunctionSet, functionKey, type ScalarFunction } from './scalar-function.ts';
import { addTextFunctions } from './text-functions.ts';
import { addTimeFunctions } from './time-functions.ts';

let functions: FunctionSet | undefined;

function allFunctions(): FunctionSet {
  if (functions) return functions;
  functions = new FunctionSet();
  addComparisonFunctions(functions);
  addNumberFunctions(functions);
  addTextFunctions(functions);
  addTimeFunctions(functions);
  return functions;
}

export function findFunction(name: string, args: readonly number[]): ScalarFunction | undefined {
  return allFunctions().table.get(functionKey(name, args));
}

/** Names and argument types of everything in the table: for tests, and for the documentation. */
export const functionKeys = (): readonly string[] => [...allFunctions().table.keys()];
