import { expect, test } from 'vitest';
import { DailyBudget, type JudgedRow } from '../../../src/model/alerts/daily-budget.ts';
import { seeded } from '../seeded.ts';

const DAY_US = 86_400_000_000;
const START_US = 20_000 * DAY_US;

function rows(days: number, aDay: (day: number) => number, seed: number): JudgedRow[] {
  const random = seeded(seed);
  const made: JudgedRow[] = [];
  for (let day = 0; day < days; day++) {
    const count = aDay(day);
    for (let i = 0; i < count; i++)
      made.push({ score: random(), timeUs: START_US + (day + i / count) * DAY_US, open: false, live: true });
  }
  return made;
}

/** Alerts by day. */
function judge(budget: DailyBudget, given: readonly JudgedRow[]): number[] {
  const alerts: number[] = [];
  for (const row of given) {
    const day = Math.floor((row.timeUs - START_US) / DAY_US);
    alerts[day] = (alerts[day] ?? 0) + (budget.meets(row) ? 1 : 0);
  }
  return alerts;
}

test('no day has more alerts than asked for, and over time nearly as many are raised, of the highest scores', () => {
  const alerts = judge(
    new DailyBudget(50),
    rows(30, () => 2_000, 1),
  );
  expect(Math.max(...alerts)).toBeLessThanOrEqual(50);
  const later = alerts.slice(7);
  expect(later.reduce((a, b) => a + b) / later.length).toBeGreaterThan(42);
  const budget = new DailyBudget(50);
  judge(
    budget,
    rows(30, () => 2_000, 1),
  );
  // The share of 50 in 2,000.
  expect(budget.threshold!).toBeGreaterThan(0.97);
  expect(budget.threshold!).toBeLessThan(0.98);
});

test('a day with ten times as many rows still has no more alerts', () => {
  const alerts = judge(
    new DailyBudget(20),
    rows(12, (day) => (day === 10 ? 20_000 : 2_000), 2),
  );
  expect(alerts[10]).toBe(20);
});

test('scores that are all the same raise none: none is above the others', () => {
  const budget = new DailyBudget(5);
  const given = rows(3, () => 100, 3).map((row) => ({ ...row, score: 0.5 }));
  expect(judge(budget, given)).toEqual([0, 0, 0]);
});

test('after a day with next to no rows a busy one does not begin by alerting whatever comes', () => {
  const aDay = [1_000, 1_000, 2, 2, 2, 1_000];
  const alerts = judge(
    new DailyBudget(10),
    rows(5, (day) => aDay[day]!, 8),
  );
  expect(alerts.slice(2).every((count) => count <= 2)).toBe(true);
  const budget = new DailyBudget(10);
  judge(
    budget,
    rows(5, (day) => aDay[day]!, 8),
  );
  expect(budget.threshold!).toBeGreaterThan(0.97);
});

test('a row that has its alert keeps it above the threshold at no cost, and one of the backfill costs nothing', () => {
  const warm = rows(8, () => 1_000, 4);
  const budget = new DailyBudget(3);
  judge(budget, warm);
  const late = { timeUs: START_US + 8.5 * DAY_US, score: 0.9999, live: true };
  for (let i = 0; i < 5; i++) budget.meets({ ...late, score: 1 + i, open: true });
  for (let i = 0; i < 5; i++) budget.meets({ ...late, score: 10 + i, open: false, live: false });
  const raised = [20, 21, 22, 23, 24].map((score) => budget.meets({ ...late, score, open: false }));
  expect(raised).toEqual([true, true, true, false, false]);
});

test('saved and loaded at any row, it raises the same alerts', () => {
  const given = rows(10, () => 300, 5);
  const whole = new DailyBudget(10);
  const expected = given.map((row) => whole.meets(row));
  expect(expected.filter(Boolean).length).toBeGreaterThan(50);
  for (const at of [0, 1, 700, 2_999]) {
    const half = new DailyBudget(10);
    for (const row of given.slice(0, at)) half.meets(row);
    const resumed = DailyBudget.load(10, half.save());
    expect(given.slice(at).map((row) => resumed.meets(row))).toEqual(expected.slice(at));
    expect(Buffer.from(resumed.save()).equals(Buffer.from(whole.save()))).toBe(true);
  }
});

test('with another number a day, alerts that today has had still count', () => {
  const budget = new DailyBudget(10);
  judge(
    budget,
    rows(3, () => 1_000, 6),
  );
  const { alerts } = budget.figures;
  expect(alerts).toBeGreaterThan(0);
  const fewer = DailyBudget.load(1, budget.save());
  const next = { timeUs: START_US + 2.9999 * DAY_US, score: 5, open: false, live: true };
  expect(fewer.meets(next)).toBe(false);
  // The day after there is one again, once there was time for one.
  expect(fewer.meets({ ...next, timeUs: START_US + 4.5 * DAY_US, score: 6 })).toBe(true);
  expect(fewer.meets({ ...next, timeUs: START_US + 4.5 * DAY_US, score: 7 })).toBe(false);
});

test('with another number a day before the first row it is as new', () => {
  const given = rows(3, () => 300, 9);
  const budget = DailyBudget.load(10, new DailyBudget(50).save());
  const fresh = new DailyBudget(10);
  expect(given.map((row) => budget.meets(row))).toEqual(given.map((row) => fresh.meets(row)));
});

test('a row dated long ago does not set the clock back', () => {
  const budget = new DailyBudget(2);
  judge(
    budget,
    rows(5, () => 100, 7),
  );
  const before = budget.threshold;
  budget.meets({ score: 0, timeUs: START_US - 300 * DAY_US, open: false, live: true });
  expect(budget.threshold).toBe(before);
});

test('after weeks without a row the first ones do not take the day’s alerts, whatever their scores', () => {
  const budget = new DailyBudget(50);
  judge(
    budget,
    rows(10, () => 2_000, 5),
  );
  const later = rows(3, () => 2_000, 6).map((row) => ({ ...row, timeUs: row.timeUs + 30 * DAY_US }));
  const raised = later.filter((row) => budget.meets(row));
  // Of the first fiftieth of a day one row may be alerted.
  expect(later.indexOf(raised[0]!)).toBeGreaterThanOrEqual(40);
  const first = raised.filter(({ timeUs }) => timeUs < START_US + 31 * DAY_US);
  expect(first.length).toBeLessThanOrEqual(50);
  expect(first.filter(({ score }) => score! > 0.9).length / first.length).toBeGreaterThan(0.9);
});
