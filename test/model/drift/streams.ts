// Streams that change, and where River 0.26 alarms on them (test/model/golden/README.md).

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
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
