// LIKE without backtracking over the whole text: the parts between % are found one after the other, leftmost first.

import { dataError } from './scalar-function.ts';

/** A part of a pattern between two %: code points, -1 for _. */
type Part = readonly number[];

interface LikePattern {
  readonly parts: readonly Part[];
}

export type LikeMatcher = (text: string) => boolean;

/** Raises (when it is used) where the pattern ends in a single backslash. */
export function likeMatcher(pattern: string): LikeMatcher {
  const parsed = parsePattern(pattern);
  if (!parsed) return () => dataError('LIKE pattern must not end with escape character');
  const { parts } = parsed;
  if (parts.every((part) => !part.includes(-1)))
    return plainMatcher(parts.map((part) => String.fromCodePoint(...part)));
  return (text) =>
    matchParts(
      Array.from(text, (character) => character.codePointAt(0)!),
      parts,
    );
}

function parsePattern(pattern: string): LikePattern | undefined {
  const parts: number[][] = [[]];
  let escaped = false;
  for (const character of pattern) {
    const part = parts.at(-1)!;
    if (escaped) {
      part.push(character.codePointAt(0)!);
      escaped = false;
    } else if (character === '\\') escaped = true;
    else if (character === '%') parts.push([]);
    else part.push(character === '_' ? -1 : character.codePointAt(0)!);
  }
  return escaped ? undefined : { parts };
}

function plainMatcher(parts: readonly string[]): LikeMatcher {
  const first = parts[0]!;
  if (parts.length === 1) return (text) => text === first;
  const last = parts.at(-1)!;
  const middle = parts.slice(1, -1).filter((part) => part !== '');
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    const end = text.length - last.length;
    for (const part of middle) {
      const found = text.indexOf(part, from);
      if (found < 0 || found + part.length > end) return false;
      from = found + part.length;
    }
    return true;
  };
}

function matchParts(text: readonly number[], parts: readonly Part[]): boolean {
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (parts.length === 1) return text.length === first.length && standsAt(text, first, 0);
  const end = text.length - last.length;
  if (end < first.length || !standsAt(text, first, 0) || !standsAt(text, last, end)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    while (from + part.length <= end && !standsAt(text, part, from)) from++;
    if (from + part.length > end) return false;
    from += part.length;
  }
  return true;
}

function standsAt(text: readonly number[], part: Part, at: number): boolean {
  for (let index = 0; index < part.length; index++) {
    const wanted = part[index]!;
    if (at + index >= text.length || (wanted !== -1 && wanted !== text[at + index])) return false;
  }
  return true;
}
