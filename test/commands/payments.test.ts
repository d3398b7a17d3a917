import { expect, test } from 'vitest';
import { DEMO, paymentEvents } from '../../src/commands/demo/payments.ts';

const options = { seed: 7, firstDay: '2025-01-01', days: 20, paymentsPerDay: 300, driftDay: 10 };

test('the same seed gives the same payments, another seed others', () => {
  expect([...paymentEvents(options)]).toEqual([...paymentEvents(options)]);
  expect([...paymentEvents({ ...options, seed: 8 })]).not.toEqual([...paymentEvents(options)]);
});

test('events come in the order in which they happen, a chargeback after its payment', () => {
  const seen = new Set<number>();
  let lastMs = 0;
  for (const { atMs, payment, chargeback } of paymentEvents(options)) {
    expect(atMs).toBeGreaterThanOrEqual(lastMs);
    lastMs = atMs;
    if (payment) seen.add(payment.id);
    else expect(seen.has(chargeback.paymentId)).toBe(true);
  }
});

test('the demo has at least 50,000 payments, one or two in a hundred fraudulent, some of them dirty', () => {
  const days = DEMO.historyDays + DEMO.liveDays;
  const events = [...paymentEvents({ ...DEMO, days })];
  const payments = events.flatMap((event) => event.payment ?? []);
  expect(payments.length).toBeGreaterThanOrEqual(50_000);
  const share = payments.filter((payment) => payment.fraud).length / payments.length;
  expect(share).toBeGreaterThan(0.01);
  expect(share).toBeLessThan(0.03);
  expect(payments.some((payment) => payment.amount === null)).toBe(true);
  expect(
    payments.some((payment) => payment.currency !== null && payment.currency !== payment.currency.trim().toUpperCase()),
  ).toBe(true);
  expect(events.length - payments.length).toBeGreaterThan(300);
});
