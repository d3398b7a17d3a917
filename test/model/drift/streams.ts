// Streams that change, and where River 0.26 alarms on them (test/model/golden/README.md).

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { seeded } from '../seeded.ts';
import type { DetectorOptions } from '../../../src/model/drift/detector-options.ts';

export interface RiverAlarms {
  /** As it is called there. */
  readonly river: string;
  readonly options: { readonly name: DetectorOptions['name'] };
  readonly drifts: readonly number[];
  /** How many, and the first 50. */
  readonly warnings?: number;
  readonly first_warnings?: readonly number[];
}

const read = (file: string): Buffer => readFileSync(new URL(`../golden/drift/${file}`, import.meta.url));

export function streamValues(stream: string): number[] {
  return gunzipSync(read(`${stream}.csv.gz`))
    .toString('utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map(Number);
}

export const riverAlarms = JSON.parse(read('alarms.json').toString('utf8')) as readonly {
  readonly stream: string;
  readonly is: string;
  readonly detectors: readonly RiverAlarms[];
}[];

export interface StreamRow {
  readonly features: Record<string, unknown>;
  readonly target: number;
}

/** Street and Kim's SEA concepts (2001): x1 + x2 above a threshold that changes every `each` rows, a tenth of the labels turned round. */
export function sea(seed: number, count: number, each: number): StreamRow[] {
  const thresholds = [8, 12, 5, 10];
  const random = seeded(seed);
  return Array.from({ length: count }, (_, i) => {
    const [x1, x2, x3] = [random() * 10, random() * 10, random() * 10];
    const above = x1 + x2 > thresholds[Math.floor(i / each) % thresholds.length]!;
    return { features: { x1, x2, x3 }, target: Number(above !== random() < 0.1) };
  });
}

/** Numbers, a category and missing values, of which the label depends in part; nothing ever changes. */
export function stationary(seed: number, count: number): StreamRow[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => {
    const x = random() + random() + random() - 1.5;
    const shop = ['north', 'east', 'south', 'west'][Math.floor(random() ** 2 * 4)]!;
    const age = random() < 0.2 ? null : Math.floor(random() * 70);
    const level = x + (shop === 'north' ? 0.3 : 0) + (random() - 0.5);
    return { features: { x, shop, age }, target: Number(level > 0.2) };
  });
}
