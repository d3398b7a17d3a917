// The hot path of encoding: a row's plain numbers, scaled by mean and deviation or taken as they are. It is generated code, made
// once for a model: a property looked up by a name that differs from call to call costs V8 some 12 ns, one that stands in the code
// about one, and so do loops over features of different sorts. Whatever is no plain number goes to `other`, which knows everything;
// what is written here is what it does too, to the last bit (a test holds that).

import type { FeatureRow } from '../model.ts';
import { CLIP_FROM, DEVIATION, MEAN, VARIANCE } from './moments.ts';
import { MAX_MAGNITUDE } from './feature-value.ts';

/** Encodes a row into entry `n` and those behind, gives the number of entries then. */
export type RowCode = (row: FeatureRow, n: number, memory: RowMemory) => number;
/** Encodes one value into entry `n` and those behind, gives the number of entries then. */
export type Other = (feature: number, value: unknown, n: number) => number;

/** Where and how a feature's plain numbers can be encoded here. */
export interface PlainNumber {
  /** standard: in deviations from the mean; near: itself, limited once enough were learned; as_is: itself. */
  readonly way: 'standard' | 'near' | 'as_is';
  readonly dimension: number;
  /** In {@link Moments}. */
  readonly slot: number;
}

/** What the code of one encoder works on: the code itself is the same for all models over the same columns. */
export interface RowMemory {
  /** {@link Moments.values} */
  readonly moments: Float64Array;
  /** Entries: dimension, value, and the feature they came from. */
  readonly indexes: Int32Array;
  readonly values: Float64Array;
  readonly owners: Int32Array;
  readonly other: Other;
}

export interface RowCodeParts {
  readonly names: readonly string[];
  /** By feature; undefined: all its values go to `other`. */
  readonly plain: readonly (PlainNumber | undefined)[];
  /** Absent values go to `other` too. */
  readonly absent: boolean;
  /** In deviations; null: no limit. */
  readonly clip: number | null;
  /** Where there is no other limit. */
  readonly most: number;
  /** Whether what comes is learned first. */
  readonly learn: boolean;
}

/** V8 does not optimise functions without end. */
const FEATURES_A_FUNCTION = 32;

export function rowCode(parts: RowCodeParts): RowCode {
  try {
    return generated(parts);
  } catch {
    // Node was told not to generate code (--disallow-code-generation-from-strings).
    return plainRowCode(parts);
  }
}

/**
 * By their code: models over the same columns share a function, so that what V8 learned of it and compiled for one is there for all,
 * and inlined where it is called.
 */
const COMPILED = new Map<string, unknown>();
const MOST_COMPILED = 64;

export function compiled(parameters: string, code: string): unknown {
  const key = `(${parameters}) ${code}`;
  let known = COMPILED.get(key);
  if (known === undefined) {
    if (COMPILED.size >= MOST_COMPILED) COMPILED.clear();
    // Names are quoted and all else are numbers: nothing comes from outside.
    known = new Function(parameters, code);
    COMPILED.set(key, known);
  }
  return known;
}

/** The same without generated code. */
export function plainRowCode({ names, absent }: RowCodeParts): RowCode {
  return (row, n, { other }) => {
    for (let f = 0; f < names.length; f++) {
      const value = row[names[f]!];
      if (absent || value !== undefined) n = other(f, value, n);
    }
    return n;
  };
}

function generated(parts: RowCodeParts): RowCode {
  const pieces: RowCode[] = [];
  for (let from = 0; from < parts.names.length; from += FEATURES_A_FUNCTION) pieces.push(piece(parts, from));
  const [first] = pieces;
  if (first && pieces.length === 1) return first;
  return (row, n, memory) => {
    for (const next of pieces) n = next(row, n, memory);
    return n;
  };
}

function piece(parts: RowCodeParts, from: number): RowCode {
  const lines: string[] = [];
  for (let f = from; f < Math.min(parts.names.length, from + FEATURES_A_FUNCTION); f++) lines.push(lineOf(parts, f));
  const code = `const { moments, indexes, values, owners, other } = memory;
    let x, m, d, c, e, v; ${lines.join('\n')} return n;`;
  return compiled('row, n, memory', code) as RowCode;
}

export const IS_PLAIN = `typeof x === 'number' && Math.abs(x) <= ${MAX_MAGNITUDE}`;

function lineOf(parts: RowCodeParts, f: number): string {
  const { names, plain, absent } = parts;
  const read = `x = row[${JSON.stringify(names[f])}];`;
  const otherwise = `${absent ? '' : 'if (x !== undefined) '}n = other(${f}, x, n);`;
  const number = plain[f];
  if (number === undefined) return `${read} ${otherwise}`;
  return `${read} if (${IS_PLAIN}) {
    ${encodingOf(parts, number)}
    indexes[n] = ${number.dimension}; owners[n] = ${f}; values[n++] = x;
  } else ${otherwise}`;
}

/** Makes of a plain number `x` its entry's value; with `learn` the number is learned first. Uses `m`, `d`, `c`, `e` and `v`. */
export function encodingOf({ clip, most, learn }: RowCodeParts, { way, slot }: PlainNumber): string {
  const end = way === 'standard' ? '' : limited('x', most);
  if (way === 'as_is') return end;
  // What was learned stands in variables then: read from its array again it would be waited for.
  const read = learn ? learnLine(slot, clip) : `m = moments[${slot + MEAN}]; d = moments[${slot + DEVIATION}];`;
  return `${read} ${way === 'near' ? nearLine(slot, clip, learn) : standardLine(clip ?? most)} ${end}`;
}

/** As {@link Moments.learn}; `m`, `d` and `c` are mean, deviation and count afterwards. */
function learnLine(slot: number, clip: number | null): string {
  const [count, mean, variance, deviation] = [0, MEAN, VARIANCE, DEVIATION].map((one) => `moments[${slot + one}]`);
  const near =
    clip === null
      ? ''
      : `if (c >= ${CLIP_FROM} && d > 0) { e = x - m; v = ${clip} * d; if (Math.abs(e) > v) e = e > 0 ? v : -v; e += m; }`;
  return `m = ${mean}; d = ${deviation}; c = ${count}; e = x; ${near}
    c += 1; ${count} = c; d = m; m += (e - m) / c; ${mean} = m;
    v = ${variance}; v += ((e - d) * (e - m) - v) / c; ${variance} = v; d = Math.sqrt(v); ${deviation} = d;`;
}

/** As {@link Moments.standard}, limited. */
function standardLine(clip: number): string {
  return `x = d > 0 ? (x - m) / d : 0; ${limited('x', clip)}`;
}

/** As {@link Moments.near}. */
function nearLine(slot: number, clip: number | null, learned: boolean): string {
  if (clip === null) return '';
  const count = learned ? 'c' : `moments[${slot}]`;
  return `if (d > 0 && ${count} >= ${CLIP_FROM}) { v = d * ${clip}; e = x - m; if (Math.abs(e) > v) x = e > 0 ? m + v : m - v; }`;
}

/** One comparison for what is nearly always so. */
function limited(name: string, most: number): string {
  return `if (Math.abs(${name}) > ${most}) ${name} = ${name} > 0 ? ${most} : ${-most};`;
}
