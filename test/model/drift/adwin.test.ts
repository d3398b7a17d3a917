import { describe, expect, test } from 'vitest';
import { StateReader, StateWriter } from '../../../src/model/saved-state.ts';
import { Adwin } from '../../../src/model/drift/adwin.ts';
import { seeded } from '../seeded.ts';

/** One bit in ten set, then one in four, then one in ten. */
function bits(count = 12_000): number[] {
  const random = seeded(9);
  return Array.from({ length: count }, (_, i) => Number(random() < (i >= 4000 && i < 8000 ? 0.25 : 0.1)));
}

function alarms(adwin: Adwin, values: readonly number[]): number[] {
  return values.flatMap((value, i) => (adwin.add(value) ? [i] : []));
}

describe('ADWIN', () => {
  test.each([
    [0.002, [4191, 8351]],
    [0.01, [4159, 8287]],
    [0.3, [4063, 6367, 8127]],
  ])('with delta %f alarms where River does (golden/traces.py)', (delta, expected) => {
    expect(alarms(new Adwin(delta), bits())).toEqual(expected);
  });

  test('has the mean and width of its window', () => {
    const adwin = new Adwin(0.002);
    const values = bits(3000);
    for (const value of values) adwin.add(value);
    expect(adwin.width).toBe(3000);
    expect(adwin.mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / 3000, 12);
  });

  test('saved and loaded at any point goes on bit for bit, in little memory', () => {
    const whole = new Adwin(0.01);
    let saved = new Adwin(0.01);
    for (const [i, value] of bits().entries()) {
      expect(saved.add(value)).toBe(whole.add(value));
      if (i % 701 !== 0) continue;
      const writer = new StateWriter('adwin');
      saved.save(writer);
      saved = Adwin.load(0.01, new StateReader(writer.finish(), 'adwin'));
      expect(saved.mean).toBe(whole.mean);
    }
    expect(whole.bytes).toBeLessThan(2560);
  });
});
