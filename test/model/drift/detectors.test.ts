import { describe, expect, test } from 'vitest';
import { createDetector, detectorOptions } from '../../../src/model/drift/detector-options.ts';
import type { Detector, Verdict } from '../../../src/model/drift/detector.ts';
import { StateReader, StateWriter } from '../../../src/model/saved-state.ts';
import { seeded } from '../seeded.ts';
import { riverAlarms, streamValues } from './streams.ts';

const NAMES = ['adwin', 'page_hinkley', 'ddm', 'eddm', 'hddm_a', 'hddm_w', 'fhddm'] as const;
const detectorOf = (options: object): Detector => createDetector(detectorOptions.parse(options));
/** In the order of values: 0 at first, then errors by the rate given. */
const errors = (seed: number, count: number, rateAt: (i: number) => number): number[] => {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, i) => Number(random() < rateAt(i)));
};
const at = (verdicts: readonly Verdict[], verdict: Verdict): number[] =>
  verdicts.flatMap((said, i) => (said === verdict ? [i] : []));

function savedAndLoaded(detector: Detector, options: object): Detector {
  const writer = new StateWriter('detector');
  detector.save(writer);
  const reader = new StateReader(writer.finish(), 'detector');
  const loaded = detectorOf(options);
  loaded.load(reader);
  reader.finish();
  return loaded;
}

const cases = riverAlarms.flatMap(({ stream, detectors }) => detectors.map((alarms) => ({ stream, ...alarms })));

describe('detectors', () => {
  test.each(cases)('$river alarms on $stream where River does', ({ stream, options, drifts, ...expected }) => {
    const detector = detectorOf(options);
    // River's FHDDM is given hits, ours errors as all others.
    const values = streamValues(stream).map((value) => (options.name === 'fhddm' ? 1 - value : value));
    const verdicts = values.map((value) => detector.update(value));
    expect(at(verdicts, 'drift')).toEqual(drifts);
    if (expected.warnings === undefined) return;
    const warnings = at(verdicts, 'warning');
    // River's EDDM leaves a warning standing where a drift follows it, and counts both.
    const both = options.name === 'eddm' ? drifts.filter((drift) => verdicts[drift - 1] === 'warning').length : 0;
    expect(warnings.length + both).toBe(expected.warnings);
    expect(warnings.slice(0, 50)).toEqual(expected.first_warnings);
  });

  test.each(NAMES)('%s saved and loaded at any point goes on bit for bit, and keeps its size', (name) => {
    const values = errors(5, 6000, (i) => (i < 2000 ? 0.1 : i < 4000 ? 0.4 : 0.2));
    const whole = detectorOf({ name });
    let resumed = detectorOf({ name });
    const { bytes } = whole;
    for (const [i, value] of values.entries()) {
      expect(resumed.update(value)).toBe(whole.update(value));
      if (i % 37 === 0) resumed = savedAndLoaded(resumed, { name });
    }
    expect(whole.bytes).toBe(bytes);
    expect(resumed.bytes).toBe(bytes);
    expect(bytes).toBeLessThan(3_000);
  });

  // EDDM finds changes in errors that stand evenly, too; only chance keeps it quiet.
  test.each(NAMES.filter((name) => name !== 'eddm'))('%s says the error rates before and after a change', (name) => {
    const detector = detectorOf({ name, ...(name === 'page_hinkley' ? { threshold: 20, delta: 0.05 } : {}) });
    const values = Array.from({ length: 4000 }, (_, i) => Number(i < 2000 ? i % 10 === 0 : i % 2 === 0));
    const change = values.findIndex((value) => detector.update(value) === 'drift');
    expect(change).toBeGreaterThan(1999);
    expect(change).toBeLessThan(2400);
    expect(detector.before).toBeGreaterThan(0.07);
    expect(detector.before).toBeLessThan(0.2);
    expect(detector.after).toBeGreaterThan(0.25);
    expect(detector.after).toBeLessThan(0.7);
  });

  test.each(NAMES)('%s that was reset is as a new one', (name) => {
    const values = errors(8, 3000, (i) => (i < 1500 ? 0.1 : 0.3));
    const used = detectorOf({ name });
    for (const value of values) used.update(value);
    used.reset();
    const fresh = detectorOf({ name });
    expect(values.map((value) => used.update(value))).toEqual(values.map((value) => fresh.update(value)));
  });

  test('with keep_window ADWIN goes on with what is left, and follows a slow change', () => {
    const ramp = errors(3, 8000, (i) => 0.1 + 0.5 * Math.min(1, i / 6000));
    const count = (keep_window: boolean) => {
      const detector = detectorOf({ name: 'adwin', keep_window });
      return at(
        ramp.map((value) => detector.update(value)),
        'drift',
      ).length;
    };
    expect(count(true)).toBeGreaterThan(count(false));
  });
});
