// What a run of the oracle can be told from outside: MILLRACE_SEED repeats a run, MILLRACE_ORACLE_RUNS multiplies its length.

import { randomInt } from 'node:crypto';

/** The seed of this run: given, or drawn anew. Every test file prints it. */
export const SEED: number = integer('MILLRACE_SEED') ?? randomInt(2 ** 31);

/** 1 by default; 10 makes every property ten times as long. Fractions shorten. */
export const RUNS: number = number('MILLRACE_ORACLE_RUNS') ?? 1;

/** How many cases a property runs. */
export function runs(byDefault: number): number {
  return Math.max(1, Math.round(byDefault * RUNS));
}

/** Milliseconds that a property may take; its counterexample is shrunk within them. */
export function timeLimitMs(byDefault: number): number {
  return byDefault * Math.max(1, RUNS);
}

function number(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new TypeError(`${name} is not a number: ${text}`);
  return value;
}

function integer(name: string): number | undefined {
  const value = number(name);
  if (value !== undefined && !Number.isSafeInteger(value)) throw new TypeError(`${name} is not an integer: ${value}`);
  return value;
}

/** MILLRACE_ORACLE_SHRINK=0 reports the first counterexample as it was drawn. */
export const SHRINK: boolean = process.env['MILLRACE_ORACLE_SHRINK'] !== '0';

/** What a run says, so that it can be had again. */
export const howToRepeat = `repeat with MILLRACE_SEED=${SEED}`;
