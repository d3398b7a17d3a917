import { expect, test } from 'vitest';
import { driftOptions } from '../../../src/model/drift/drift-options.ts';
import { ScoreWatch } from '../../../src/model/drift/score-watch.ts';

test('a score that is no use or out of all bounds is left out, whenever it comes', () => {
  const shifted = (spoil: (at: number) => number | undefined): unknown[] => {
    const watch = new ScoreWatch(driftOptions.parse(undefined), 'regression');
    const shifts: unknown[] = [];
    for (let i = 0; i < 4_000; i++) {
      const bad = spoil(i);
      if (bad !== undefined) shifts.push(...watch.add(bad));
      shifts.push(...watch.add((i < 2_000 ? 10 : 14) + Math.sin(i)));
    }
    return shifts;
  };
  const clean = shifted(() => undefined);
  expect(clean.length).toBeGreaterThan(0);
  for (const value of [1e300, -1e160, Infinity, Number.NaN])
    for (const at of [50, 500, 3_000]) expect(shifted((i) => (i === at ? value : undefined))).toEqual(clean);
});
