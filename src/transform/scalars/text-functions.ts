// Text: lengths and positions count code points, trim removes spaces only (or the characters named), case is Postgres's own.

import { createHash } from 'node:crypto';
import { trimBpchar } from '../../flow/types/comparison.ts';
import { OID } from '../../flow/types/type-oid.ts';
import { likeMatcher, type LikeMatcher } from './like.ts';
import { dataError, type Compute, type Environment, type FunctionSet } from './scalar-function.ts';

const { bool, int4, text, bpchar } = OID;

export function addTextFunctions(set: FunctionSet): void {
  set.add('||', [text, text], text, (a: string, b: string) => a + b);
  for (const name of ['length', 'char_length', 'character_length']) {
    set.add(name, [text], int4, codePoints);
    set.add(name, [bpchar], int4, (a: string) => codePoints(trimBpchar(a)));
  }
  set.add('octet_length', [text], int4, (a: string) => Buffer.byteLength(a));
  set.add('bit_length', [text], int4, (a: string) => Buffer.byteLength(a) * 8);
  set.addMade('lower', [text], text, (environment) => caseOf(environment, 'lower'));
  set.addMade('upper', [text], text, (environment) => caseOf(environment, 'upper'));
  addTrims(set);
  addParts(set);
  addSearches(set);
  addPatterns(set);
  set.add('md5', [text], text, (a: string) => createHash('md5').update(a).digest('hex'));
  set.add('reverse', [text], text, (a: string) => [...a].reverse().join(''));
  set.add('repeat', [text, int4], text, (a: string, count: number) => {
    if (a.length * count > 256 * 1024 * 1024) return dataError('requested length too large');
    return a.repeat(Math.max(count, 0));
  });
  set.add('ascii', [text], int4, (a: string) => a.codePointAt(0) ?? 0);
}

function caseOf(environment: Environment, which: 'lower' | 'upper'): (text: string) => string {
  const map = environment[which];
  if (!map) throw new TypeError('the case mapping was not described');
  return map;
}

/** Code points of text; surrogate pairs are rare, so their absence is looked for first. */
function codePoints(value: string): number {
  let count = value.length;
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code >= 0xd800 && code < 0xdc00) count--;
  }
  return count;
}

function addTrims(set: FunctionSet): void {
  const sides: [string, boolean, boolean][] = [
    ['btrim', true, true],
    ['ltrim', true, false],
    ['rtrim', false, true],
  ];
  for (const [name, left, right] of sides) {
    set.add(name, [text], text, (a: string) => trim(a, ' ', left, right));
    set.add(name, [text, text], text, (a: string, characters: string) => trim(a, characters, left, right));
  }
}

function trim(value: string, characters: string, left: boolean, right: boolean): string {
  if (characters === ' ') {
    let start = 0;
    let end = value.length;
    if (left) while (start < end && value.charCodeAt(start) === 32) start++;
    if (right) while (end > start && value.charCodeAt(end - 1) === 32) end--;
    return value.slice(start, end);
  }
  const set = new Set(characters);
  const points = [...value];
  let start = 0;
  let end = points.length;
  if (left) while (start < end && set.has(points[start]!)) start++;
  if (right) while (end > start && set.has(points[end - 1]!)) end--;
  return points.slice(start, end).join('');
}

/** Code points from..to of the text; without surrogates they are its UTF-16 units. */
function slice(value: string, from: number, to: number): string {
  if (codePoints(value) === value.length) return value.slice(from, to);
  return [...value].slice(from, to).join('');
}

function addParts(set: FunctionSet): void {
  for (const name of ['substr', 'substring']) {
    set.add(name, [text, int4], text, (a: string, start: number) => slice(a, Math.max(start - 1, 0), a.length));
    set.add(name, [text, int4, int4], text, (a: string, start: number, length: number) => {
      if (length < 0) return dataError('negative substring length not allowed');
      return slice(a, Math.max(start - 1, 0), Math.max(start - 1 + length, 0));
    });
  }
  set.add('left', [text, int4], text, (a: string, n: number) =>
    slice(a, 0, n >= 0 ? n : Math.max(codePoints(a) + n, 0)),
  );
  set.add('right', [text, int4], text, (a: string, n: number) => {
    const length = codePoints(a);
    return slice(a, n >= 0 ? Math.max(length - n, 0) : Math.min(-n, length), length);
  });
  set.add('split_part', [text, text, int4], text, splitPart);
  const pad =
    (left: boolean): Compute =>
    (a: string, length: number, fill: string) =>
      padTo(a, length, fill, left);
  for (const [name, left] of [
    ['lpad', true],
    ['rpad', false],
  ] as const) {
    set.add(name, [text, int4, text], text, pad(left));
    set.add(name, [text, int4], text, (a: string, length: number) => padTo(a, length, ' ', left));
  }
}

function padTo(value: string, length: number, fill: string, left: boolean): string {
  if (length > 64 * 1024 * 1024) return dataError('requested length too large');
  const points = [...value];
  const wanted = Math.max(length, 0);
  if (points.length >= wanted) return points.slice(0, wanted).join('');
  const filler = [...fill];
  if (filler.length === 0) return value;
  const padding = Array.from({ length: wanted - points.length }, (_, index) => filler[index % filler.length]!).join('');
  return left ? padding + value : value + padding;
}

function splitPart(value: string, separator: string, n: number): string {
  if (n === 0) return dataError('field position must not be zero');
  if (value === '') return '';
  const parts = separator === '' ? [value] : value.split(separator);
  return (n > 0 ? parts[n - 1] : parts.at(n)) ?? '';
}

function addSearches(set: FunctionSet): void {
  const position = (a: string, part: string): number => {
    const found = a.indexOf(part);
    return found < 0 ? 0 : codePoints(a.slice(0, found)) + 1;
  };
  set.add('strpos', [text, text], int4, position);
  set.add('position', [text, text], int4, position);
  set.add('starts_with', [text, text], bool, (a: string, prefix: string) => a.startsWith(prefix));
  set.add('^@', [text, text], bool, (a: string, prefix: string) => a.startsWith(prefix));
  set.add('replace', [text, text, text], text, (a: string, from: string, to: string) =>
    from === '' ? a : a.replaceAll(from, () => to),
  );
  set.add('translate', [text, text, text], text, (a: string, from: string, to: string) => {
    const targets = [...to];
    const map = new Map<string, string>();
    [...from].forEach((character, index) => {
      if (!map.has(character)) map.set(character, targets[index] ?? '');
    });
    return Array.from(a, (character) => map.get(character) ?? character).join('');
  });
}

/** Patterns that were compiled, for those that come with the row; at the cap all are forgotten. */
const PATTERN_CACHE = 256;

function addPatterns(set: FunctionSet): void {
  const like = (): ((value: string, pattern: string) => boolean) => {
    const matchers = new Map<string, LikeMatcher>();
    return (value, pattern) => {
      let matcher = matchers.get(pattern);
      if (!matcher) {
        if (matchers.size >= PATTERN_CACHE) matchers.clear();
        matcher = likeMatcher(pattern);
        matchers.set(pattern, matcher);
      }
      return matcher(value);
    };
  };
  for (const type of [text, bpchar]) {
    set.addMade('~~', [type, text], bool, like);
    set.addMade('!~~', [type, text], bool, () => {
      const matches = like();
      return (value: string, pattern: string) => !matches(value, pattern);
    });
    const insensitive = (environment: Environment): ((value: string, pattern: string) => boolean) => {
      const lower = caseOf(environment, 'lower');
      const matches = like();
      return (value, pattern) => matches(lower(value), lower(pattern));
    };
    set.addMade('~~*', [type, text], bool, insensitive);
    set.addMade('!~~*', [type, text], bool, (environment) => {
      const matches = insensitive(environment);
      return (value: string, pattern: string) => !matches(value, pattern);
    });
  }
}
