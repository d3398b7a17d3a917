// Payments of cards, some of which are stolen for an hour. Made from a seed.

import { gaussian, seeded } from '../random.mjs';

const CARDS = 200;
const DAYS = 75;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.parse('2026-01-01T00:00:00Z');
/** Thefts a day. */
const THEFTS = 2;
const COUNTRIES = ['de', 'fr', 'it', 'us'];

/** Payments in the order of their times, and chargebacks (one a fraud) in the order in which they become known. */
export function payments(seed) {
  const uniform = seeded(seed);
  const pick = (list) => list[Math.floor(uniform() * list.length)];
  const normal = () => gaussian(uniform);
  const exponential = (mean) => -mean * Math.log(1 - uniform());
  const made = [];
  const pay = (card, atMs, amount, country, fraud) =>
    made.push({ card: card.number, at: atMs, amount: Math.round(amount * 100) / 100, country, fraud });
  const cards = Array.from({ length: CARDS }, (_, number) => ({
    number,
    usual: Math.exp(3.2 + 0.6 * normal()),
    home: 'de',
    gapMs: (0.3 + uniform()) * DAY_MS,
  }));
  for (const card of cards) {
    let trip;
    for (let at = START_MS + exponential(card.gapMs); at < START_MS + DAYS * DAY_MS; at += exponential(card.gapMs)) {
      // A week abroad now and then, and now and then something dear: neither is a theft.
      if (trip === undefined && uniform() < 0.01)
        trip = { country: pick(COUNTRIES.slice(1)), untilMs: at + 7 * DAY_MS };
      if (trip !== undefined && at > trip.untilMs) trip = undefined;
      const dear = uniform() < 0.03 ? 2 + 4 * uniform() : 1;
      pay(card, at, card.usual * dear * Math.exp(0.5 * normal()), trip?.country ?? card.home, false);
      // Two shops in a row.
      if (uniform() < 0.1)
        pay(card, at + exponential(HOUR_MS / 3), card.usual * Math.exp(0.5 * normal()), card.home, false);
    }
  }
  for (let n = 0; n < DAYS * THEFTS; n++) {
    const card = pick(cards);
    const country = uniform() < 0.75 ? pick(COUNTRIES.slice(1)) : card.home;
    let at = START_MS + uniform() * DAYS * DAY_MS;
    for (let left = 2 + Math.floor(4 * uniform()); left > 0; left--) {
      pay(card, at, card.usual * (1.5 + 3 * uniform()) * Math.exp(0.4 * normal()), country, true);
      at += exponential(HOUR_MS / 6);
    }
  }
  made.sort((a, b) => a.at - b.at);
  const all = made.map((payment, index) => ({ id: index + 1, ...payment }));
  const chargebacks = all
    .filter(({ fraud }) => fraud)
    .map(({ id, at }) => ({ payment_id: id, at: at + (0.5 + 3 * uniform()) * DAY_MS }))
    .sort((a, b) => a.at - b.at);
  return { payments: all, chargebacks };
}
