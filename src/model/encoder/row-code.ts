// The hot path of encoding: a row's plain numbers, scaled by mean and deviation or taken as they are. It is generated code, made
// once for a model: a property looked up by a name that differs from call to call costs V8 some 12 ns, one that stands in the code
// about one, and so do loops over features of different sorts. Whatever is no plain number goes to `other`, which knows everything;
// what is written here is what it does too, to the last bit (a test holds that).

import type { FeatureRow } from '../model.ts';
import { CLIP_FROM } from './moments.ts';
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
  /** In `Moments`. */
  readonly slot: number;
}

/** What the code of one encoder works on: the code itself is the same for all models over the same columns. */
export interface RowMemory {
  readonly counts: Float64Array;
  readonly means: Float64Array;
  readonly variances: Float64Array;
  readonly deviations: Float64Array;
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
 * Sums what rows of plain numbers have by weights, encoded but not kept: `into[i]` is Σ weight · value of row i, NaN where the row
 * has anything else. Undefined where some feature is no plain number, or there are too many.
 */
export type DotCode = (
  rows: readonly FeatureRow[],
  weights: Float64Array,
  into: Float64Array,
  memory: RowMemory,
) => void;

export function dotCode(parts: RowCodeParts): DotCode | undefined {
  const { names, plain } = parts;
  if (names.length > FEATURES_A_FUNCTION || plain.includes(undefined)) return undefined;
  const lines = plain.map((number, f) => {
    const name = JSON.stringify(names[f]);
    const { encoding, dimension } = encodingOf(parts, number!);
    return `x = row[${name}]; if (!(${IS_PLAIN})) { into[i] = NaN; continue; } ${encoding} sum += weights[${dimension}] * x;`;
  });
  const code = `const { counts, means, deviations } = memory;
    for (let i = 0; i < rows.length; i++) { const row = rows[i]; let sum = 0, x, m, d, e; ${lines.join('\n')} into[i] = sum; }`;
  try {
    return compiled('rows, weights, into, memory', code) as DotCode;
  } catch {
    return undefined;
  }
}

/**
 * By their code: models over the same columns share a function, so that what V8 learned of it and compiled for one is there for all,
 * and inlined where it is called.
 */
const COMPILED = new Map<string, unknown>();
const MOST_COMPILED = 64;

function compiled(parameters: string, code: string): unknown {
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
  const code = `const { counts, means, variances, deviations, indexes, values, owners, other } = memory;
    let x, m, d, c, e, v; ${lines.join('\n')} return n;`;
  return compiled('row, n, memory', code) as RowCode;
}

const IS_PLAIN = `typeof x === 'number' && x <= ${MAX_MAGNITUDE} && x >= ${-MAX_MAGNITUDE}`;

function lineOf(parts: RowCodeParts, f: number): string {
  const { names, plain, absent, clip, learn } = parts;
  const read = `x = row[${JSON.stringify(names[f])}];`;
  const otherwise = `${absent ? '' : 'if (x !== undefined) '}n = other(${f}, x, n);`;
  const number = plain[f];
  if (number === undefined) return `${read} ${otherwise}`;
  const { encoding, dimension } = encodingOf(parts, number);
  const learning = learn && number.way !== 'as_is' ? learnLine(number.slot, clip) : '';
  return `${read} if (${IS_PLAIN}) {
    ${learning} ${encoding}
    indexes[n] = ${dimension}; owners[n] = ${f}; values[n++] = x;
  } else ${otherwise}`;
}

function encodingOf({ clip, most }: RowCodeParts, { way, slot, dimension }: PlainNumber) {
  const end = way === 'standard' ? '' : `x = x > ${most} ? ${most} : x < ${-most} ? ${-most} : x;`;
  const encoding = { standard: standardLine(slot, clip ?? most), near: nearLine(slot, clip), as_is: '' }[way];
  return { dimension, encoding: `${encoding} ${end}` };
}

/** As {@link Moments.learn}. */
function learnLine(slot: number, clip: number | null): string {
  const limited =
    clip === null
      ? ''
      : `if (c >= ${CLIP_FROM} && d > 0) { e = x - m; v = ${clip} * d; e = m + (e > v ? v : e < -v ? -v : e); }`;
  return `m = means[${slot}]; d = deviations[${slot}]; c = counts[${slot}]; e = x; ${limited}
    c += 1; counts[${slot}] = c; d = m; m += (e - m) / c; means[${slot}] = m;
    v = variances[${slot}]; v += ((e - d) * (e - m) - v) / c; variances[${slot}] = v; deviations[${slot}] = Math.sqrt(v);`;
}

/** As {@link Moments.standard}, limited. */
function standardLine(slot: number, clip: number): string {
  return `d = deviations[${slot}]; x = d > 0 ? (x - means[${slot}]) / d : 0; x = x > ${clip} ? ${clip} : x < ${-clip} ? ${-clip} : x;`;
}

/** As {@link Moments.near}. */
function nearLine(slot: number, clip: number | null): string {
  if (clip === null) return '';
  return `d = deviations[${slot}];
    if (d > 0 && counts[${slot}] >= ${CLIP_FROM}) { m = means[${slot}]; d *= ${clip}; e = x - m; if (e > d) x = m + d; else if (e < -d) x = m - d; }`;
}
