// Reading one JSON value of a row: as a finite number, or as the text of a category.

import type { NumberSource } from './feature-role.ts';

/** Beyond this a number is of no use: its square, summed, would leave the range of float8. */
export const MAX_MAGNITUDE = 1e100;

/** NaN where the value cannot be used: NaN, infinite, beyond 1e100, or no number at all. */
export function numberOf(value: unknown, source: NumberSource): number {
  const number =
    typeof value === 'number'
      ? value
      : typeof value === 'boolean'
        ? Number(value)
        : typeof value !== 'string'
          ? Number.NaN
          : source === 'time'
            ? secondsOf(value)
            : value.trim() === ''
              ? Number.NaN
              : Number(value);
  return Math.abs(number) <= MAX_MAGNITUDE ? number : Number.NaN;
}

/** Undefined for arrays and objects, which no category is made of. */
export function categoryOf(value: unknown): string | undefined {
  return typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : undefined;
}

const ISO = /^\d{4}-\d\d-\d\d(?:$|[T ])/;

/** `to_json` of a date or timestamp, or its text; one without a zone is read as UTC. Years beyond 9999, BC and infinity: NaN. */
function secondsOf(text: string): number {
  // What is written otherwise Date.parse takes for a time of the machine's own zone, or for whatever it likes.
  if (!ISO.test(text)) return Number.NaN;
  if (text.length <= 10) return Date.parse(text) / 1000;
  const zone = /(?:Z|[+-]\d\d(:?\d\d)?)$/.exec(text);
  // Postgres writes whole hours as +02, which Date.parse knows only after a space.
  const whole = zone !== null && zone[0] !== 'Z' && zone[1] === undefined;
  return Date.parse(zone === null ? `${text}Z` : whole ? `${text}:00` : text) / 1000;
}

/** FNV-1a over UTF-16 units, then murmur3's finaliser, so that low and high bits are both usable. 32 bits, unsigned. */
export function hashText(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
