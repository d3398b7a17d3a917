// Checkpoints as text: JSON, with LSNs (64-bit integers) and "nothing was published yet" told apart from numbers and null.

import type { PipelineCheckpoint } from './state-store.ts';

/** JSON of plain data with bigints and undefined array elements. */
export function encodeState(value: object): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return { $bigint: inner.toString() };
    if (Array.isArray(inner)) return inner.map((one: unknown) => (one === undefined ? { $undefined: true } : one));
    return inner;
  });
}

/** Reads what {@link encodeState} wrote. Throws SyntaxError on anything else. */
export function decodeCheckpoint(text: string): PipelineCheckpoint {
  return revive(JSON.parse(text)) as PipelineCheckpoint;
}

function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  if ('$bigint' in value) return BigInt(value.$bigint as string);
  if ('$undefined' in value) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}
