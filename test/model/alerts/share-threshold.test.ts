import { expect, test } from 'vitest';
import { ShareThreshold } from '../../../src/model/alerts/share-threshold.ts';
import { seeded } from '../seeded.ts';

const judged = (threshold: ShareThreshold, scores: readonly number[]): number =>
  scores.filter((score) => threshold.meets({ score, live: true })).length;

test.each([
  ['probabilities near 0', (x: number) => x ** 8, 0.01],
  ['values far below 0', (x: number) => 1e6 * (x - 2), 0.001],
  ['probabilities', (x: number) => x, 0.2],
])('of %s the share that was asked for raises alerts, and no more', (_, scoreOf, share) => {
  const random = seeded(1);
  const threshold = new ShareThreshold(share, 1);
  const scores = Array.from({ length: 100_000 }, () => scoreOf(random()));
  const alerts = judged(threshold, scores);
  // Three standard deviations of a count.
  expect(Math.abs(alerts - share * 100_000)).toBeLessThan(3 * Math.sqrt(share * 100_000) + 1 / share ** 0.5);
  const { threshold: above } = threshold.figures;
  const expected = [...scores].sort((a, b) => b - a)[Math.floor(share * 100_000)]!;
  const ranked = scores.filter((score) => score > above!).length / 100_000;
  expect(ranked).toBeGreaterThan(0.7 * share);
  expect(ranked).toBeLessThan(1.3 * share);
  expect(above! > 0).toBe(expected > 0);
});

test('the first alert comes when one row may raise one, and a score that most rows have raises none', () => {
  const threshold = new ShareThreshold(0.1, 1);
  expect(judged(threshold, [9, 10, 11, 12, 13, 14, 15, 16, 17])).toBe(0);
  expect(threshold.figures.threshold).toBe(17);
  expect(judged(threshold, [18])).toBe(1);
  const flat = new ShareThreshold(0.1, 1);
  expect(
    judged(
      flat,
      Array.from({ length: 500 }, () => 0.5),
    ),
  ).toBe(0);
  expect(flat.figures).toEqual({ threshold: 0.5, rows: 500, alerts: 0 });
  expect(flat.meets({ score: 0.6, live: true })).toBe(true);
});

test('a threshold stands where it parts what meets it from what does not', () => {
  const random = seeded(4);
  const threshold = new ShareThreshold(0.05, 3);
  for (let i = 0; i < 5_000; i++) {
    const score = Math.floor(random() * 200);
    const { threshold: above } = threshold.figures;
    expect(threshold.meets({ score, live: true })).toBe(above !== null && score > above);
  }
});

test('scores that rise all the time raise no more alerts than were asked for, and the threshold rises with them', () => {
  const random = seeded(2);
  const threshold = new ShareThreshold(0.02, 1);
  const rising = Array.from({ length: 30_000 }, (_, i) => i / 1_000 + random());
  const alerts = judged(threshold, rising);
  expect(alerts).toBeGreaterThan(300);
  expect(alerts).toBeLessThanOrEqual(0.02 * 30_000 + 41);
  judged(
    threshold,
    Array.from({ length: 6_500 }, () => 50 + random()),
  );
  expect(threshold.figures.threshold!).toBeGreaterThan(50.9);
  const later = judged(
    threshold,
    Array.from({ length: 10_000 }, () => 50 + random()),
  );
  expect(later).toBeGreaterThan(130);
  expect(later).toBeLessThanOrEqual(0.02 * 10_000 + 41);
});

test('a score that is none raises no alert and changes nothing; rows of a backfill count for the threshold alone', () => {
  const threshold = new ShareThreshold(0.1, 1);
  for (let i = 0; i < 100; i++) threshold.meets({ score: i, live: false });
  const before = threshold.save();
  for (const score of [null, Number.NaN, Infinity]) expect(threshold.meets({ score, live: true })).toBe(false);
  expect(threshold.save()).toEqual(before);
  expect(threshold.figures.rows).toBe(0);
  expect(threshold.figures.threshold!).toBeGreaterThan(85);
});

test('saved and loaded anywhere it goes on bit for bit; another share goes on from the same scores', () => {
  const random = seeded(3);
  const whole = new ShareThreshold(0.01, 7);
  let parts = new ShareThreshold(0.01, 7);
  for (let i = 0; i < 30_000; i++) {
    const row = { score: random(), live: random() < 0.9 };
    expect(parts.meets(row)).toBe(whole.meets(row));
    if (random() < 0.002) parts = new ShareThreshold(0.01, 99, parts.save());
  }
  expect(parts.save()).toEqual(whole.save());
  expect(parts.figures).toEqual(whole.figures);
  const wider = new ShareThreshold(0.1, 1, whole.save()).figures.threshold!;
  expect(wider).toBeGreaterThan(0.88);
  expect(wider).toBeLessThan(0.92);
});
