import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LabelSchedule } from '../../src/connector/label-schedule.ts';
import type { LabelEmission } from '../../src/flow/record.ts';

const label = (key: string, labelAtUs: number | null): LabelEmission => ({
  kind: 'label',
  key,
  label: 'true',
  labelAtUs,
  weight: 1,
});
const keys = (labels: Iterable<LabelEmission>): string[] => [...labels].map((one) => one.key);

test('a label with a time of its own comes at that time', () => {
  const schedule = new LabelSchedule(undefined);
  schedule.add(label('b', 20));
  schedule.add(label('a', 10));
  expect(keys(schedule.takeUntil(9))).toEqual([]);
  expect(keys(schedule.takeUntil(10))).toEqual(['a']);
  expect(keys(schedule.takeRest())).toEqual(['b']);
});

test('a label without a time comes right after its row, or when the label wait is over', () => {
  const atOnce = new LabelSchedule(undefined);
  atOnce.add(label('a', null));
  expect(keys(atOnce.rowPassed('a', 5))).toEqual(['a']);
  expect(keys(atOnce.rowPassed('a', 5))).toEqual([]);
  const waiting = new LabelSchedule(100);
  waiting.add(label('a', null));
  expect(keys(waiting.rowPassed('a', 5))).toEqual([]);
  expect(keys(waiting.takeUntil(104))).toEqual([]);
  expect(keys(waiting.takeUntil(105))).toEqual(['a']);
});

test('a label whose row never comes is given at the end, and each label exactly once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: 0, max: 50 }), { nil: null }), { maxLength: 60 }),
      fc.array(fc.nat(60)),
      (times, cuts) => {
        const schedule = new LabelSchedule(undefined);
        times.forEach((time, index) => schedule.add(label(String(index), time)));
        const given: string[] = [];
        for (const cut of [...cuts].sort((a, b) => a - b)) given.push(...keys(schedule.takeUntil(cut)));
        given.push(...keys(schedule.takeRest()));
        expect([...given].sort()).toEqual(times.map((_, index) => String(index)).sort());
        const timed = given
          .map((key) => times[Number(key)])
          .filter((time): time is number => time !== null && time !== undefined);
        expect(timed).toEqual([...timed].sort((a, b) => a - b));
      },
    ),
  );
});
