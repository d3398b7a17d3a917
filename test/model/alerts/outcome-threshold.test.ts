import { describe, expect, test } from 'vitest';
import {
  LEAST_OUTCOMES,
  OutcomeThreshold,
  WINDOW_OUTCOMES,
  WINDOW_POSITIVES,
  type GoalOutcome,
  type OutcomeGoal,
} from '../../../src/model/alerts/outcome-threshold.ts';
import { binEdges, binOf, SCORE_BINS } from '../../../src/model/metrics/ranked-counts.ts';
import { seeded } from '../seeded.ts';

/** Scores that are the probability of what then happens, so that precision and recall of every threshold are known. */
function calibrated(count: number, power: number, seed: number): { score: number; target: number }[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => {
    const score = random() ** power;
    return { score, target: Number(random() < score) };
  });
}

const first = (outcome: { score: number; target: number }): GoalOutcome => ({ ...outcome, prior: undefined });

/** Each row judged before its outcome is known. */
function alerts(goal: OutcomeGoal, rows: readonly { score: number; target: number }[]) {
  const threshold = new OutcomeThreshold(goal);
  let [caught, wrong, missed] = [0, 0, 0];
  for (const row of rows) {
    const isAlerted = threshold.meets(row.score);
    if (isAlerted && row.target) caught++;
    else if (isAlerted) wrong++;
    else if (row.target) missed++;
    threshold.fold(first(row));
    threshold.choose();
  }
  return { caught, wrong, missed, threshold };
}

describe('a threshold by outcomes', () => {
  test.each([0.9, 0.7])('keeps a precision of %f, out of sample, within three standard errors', (atLeast) => {
    let [caught, wrong] = [0, 0];
    for (let seed = 1; seed <= 8; seed++) {
      const run = alerts({ kind: 'precision', atLeast }, calibrated(8_000, 8, seed));
      caught += run.caught;
      wrong += run.wrong;
    }
    const all = caught + wrong;
    expect(all).toBeGreaterThan(1_000);
    expect(caught / all).toBeGreaterThan(atLeast - 3 * Math.sqrt((atLeast * (1 - atLeast)) / all));
    // And not by raising next to none.
    expect(caught / all).toBeLessThan(atLeast + 0.05);
  });

  test('keeps a recall of 0.8, out of sample, within three standard errors', () => {
    let [caught, missed] = [0, 0];
    for (let seed = 1; seed <= 8; seed++) {
      const rows = calibrated(8_000, 8, seed);
      const warm = alerts({ kind: 'recall', atLeast: 0.8 }, rows.slice(0, 500));
      for (const row of rows.slice(500)) {
        if (row.target && warm.threshold.meets(row.score)) caught++;
        else if (row.target) missed++;
        warm.threshold.fold(first(row));
        warm.threshold.choose();
      }
    }
    const all = caught + missed;
    expect(caught / all).toBeGreaterThan(0.8 - 3 * Math.sqrt((0.8 * 0.2) / all));
    expect(caught / all).toBeLessThan(0.83);
  });

  test('raises none before there are enough labels, and none where the goal is out of reach', () => {
    const threshold = new OutcomeThreshold({ kind: 'precision', atLeast: 0.9 });
    for (let i = 1; i < LEAST_OUTCOMES; i++) threshold.fold({ score: 0.9, target: 1, prior: undefined });
    threshold.choose();
    expect(threshold.meets(1)).toBe(false);
    expect(threshold.figures).toMatchObject({ threshold: null, precision: null, outcomes: LEAST_OUTCOMES - 1 });
    threshold.fold({ score: 0.9, target: 1, prior: undefined });
    expect(threshold.meets(1)).toBe(false);
    threshold.choose();
    expect(threshold.meets(0.9)).toBe(true);
    expect(threshold.meets(0.8)).toBe(false);
    const hopeless = new OutcomeThreshold({ kind: 'precision', atLeast: 0.9 });
    for (let i = 0; i < 1_000; i++) hopeless.fold({ score: 0.9, target: i % 2, prior: undefined });
    hopeless.choose();
    expect(hopeless.meets(1)).toBe(false);
  });

  test('takes two false alerts more into account than were seen, and for recall one miss', () => {
    // 18 true ones and no false: 18 of 20 would be 0.9, 17 of 19 would not.
    for (const [trues, meets] of [
      [17, false],
      [18, true],
    ] as const) {
      const threshold = new OutcomeThreshold({ kind: 'precision', atLeast: 0.9 });
      for (let i = 0; i < trues; i++) threshold.fold({ score: 0.75, target: 1, prior: undefined });
      for (let i = trues; i < 100; i++) threshold.fold({ score: 0.25, target: 0, prior: undefined });
      threshold.choose();
      expect(threshold.meets(0.75)).toBe(meets);
    }
    // Four of five are 0.8, where a fifth might have been missed.
    const recall = new OutcomeThreshold({ kind: 'recall', atLeast: 0.8 });
    for (let i = 0; i < 4; i++) recall.fold({ score: 0.5 + i / 10, target: 1, prior: undefined });
    for (let i = 4; i < 100; i++) recall.fold({ score: 0.1, target: 0, prior: undefined });
    recall.choose();
    expect(recall.meets(0.51)).toBe(true);
    expect(recall.meets(0.49)).toBe(false);
  });

  test('labels that change or go are taken back exactly: what is left decides', () => {
    const random = seeded(3);
    const goal = { kind: 'precision', atLeast: 0.6 } as const;
    const changing = new OutcomeThreshold(goal);
    const left: { score: number; target: number }[] = [];
    for (const row of calibrated(3_000, 3, 4)) {
      changing.fold(first(row));
      const chance = random();
      const target = chance < 0.1 ? undefined : chance < 0.2 ? 1 - row.target : row.target;
      if (target !== row.target) changing.fold({ score: row.score, target, prior: row.target });
      if (target !== undefined) left.push({ score: row.score, target });
    }
    const plain = new OutcomeThreshold(goal);
    for (const row of left) plain.fold(first(row));
    changing.choose();
    plain.choose();
    expect(changing.figures.threshold).not.toBeNull();
    expect(changing.figures).toEqual(plain.figures);
  });

  test('looks back on the last outcomes, and further where true ones are rare', () => {
    const often = new OutcomeThreshold({ kind: 'recall', atLeast: 0.8 });
    const rarely = new OutcomeThreshold({ kind: 'recall', atLeast: 0.8 });
    for (let i = 0; i < 3 * WINDOW_OUTCOMES; i++) {
      often.fold({ score: 0.5, target: i % 10 === 0 ? 1 : 0, prior: undefined });
      rarely.fold({ score: 0.5, target: i % 150 === 0 ? 1 : 0, prior: undefined });
    }
    expect(often.figures.outcomes).toBe(WINDOW_OUTCOMES);
    expect(rarely.figures).toMatchObject({ outcomes: 3 * WINDOW_OUTCOMES, positives: WINDOW_POSITIVES });
  });

  test('saved and loaded at any outcome, it goes on with the same bits', () => {
    const goal = { kind: 'precision', atLeast: 0.7 } as const;
    const rows = calibrated(1_500, 4, 9);
    const whole = alerts(goal, rows).threshold;
    for (const at of [0, 99, 700, 1_499]) {
      const resumed = OutcomeThreshold.load(goal, alerts(goal, rows.slice(0, at)).threshold.save());
      resumed.choose();
      for (const row of rows.slice(at)) {
        resumed.fold(first(row));
        resumed.choose();
      }
      expect(resumed.figures).toEqual(whole.figures);
      expect(Buffer.from(resumed.save()).equals(Buffer.from(whole.save()))).toBe(true);
    }
  });

  test('its bins follow each other without a gap, and a score is in the bin whose edges hold it', () => {
    for (let bin = 0; bin + 1 < SCORE_BINS; bin++) {
      const { from, to } = binEdges(bin);
      expect(to).toBe(binEdges(bin + 1).from);
      // Nearer to 1 there are fewer numbers than bins.
      if (to < 1 - 2 ** -44) expect(binOf((from + to) / 2)).toBe(bin);
    }
    expect([binEdges(0).from, binEdges(SCORE_BINS - 1).to]).toEqual([0, 1]);
  });
});
