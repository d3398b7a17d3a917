// Visitors of a shop with known rules, so that it is known how well a purchase can be foreseen. Everything comes from one seed.

import { gaussian, seeded } from '../random.mjs';

const PAGES = ['home', 'search', 'product', 'basket'];
const DEVICES = { phone: -0.5, tablet: 0, computer: 0.4 };
const SOURCES = { ad: -0.8, search: 0, mail: 0.5, direct: 0.3 };
/** Log-odds by the page that was seen last, and by how often the basket was. */
const BY_PAGE = { home: -1, search: -0.5, product: 0, basket: 1.2 };
const BY_BASKET = 0.7;
const START = -2.6;
/** Chance that a page is the last of its visit. */
const LEAVES = 0.22;
/** A purchase is known at most so long after the visit began. */
export const WITHIN_MINUTES = 60;

const FIRST_MS = Date.parse('2026-01-01T00:00:00Z');

/**
 * Pages and purchases in the order of time. `chance`: that a visit which ends with this page ends in a purchase, to who knows the
 * rules and the visitor's taste.
 */
export function shop(visitors, visits, seed) {
  const random = seeded(seed);
  // Some buy often, most seldom: it shows in nothing but what they did before.
  const people = Array.from({ length: visitors }, () => ({ taste: gaussian(random), freeAtMs: 0 }));
  const events = [];
  let startMs = FIRST_MS;
  for (let visit = 1; visit <= visits; visit++) {
    startMs += 1000 + Math.floor(-Math.log(1 - random()) * 40_000);
    const person = people.filter(({ freeAtMs }) => freeAtMs < startMs)[Math.floor(random() * visitors * 0.5)];
    const device = one(random, Object.keys(DEVICES));
    const source = one(random, Object.keys(SOURCES));
    let baskets = 0;
    for (let atMs = startMs, number = 1; ; number++) {
      const page = one(random, number === 1 ? PAGES.slice(0, 3) : PAGES);
      baskets += page === 'basket' ? 1 : 0;
      const chance = sigmoid(
        START + person.taste + DEVICES[device] + SOURCES[source] + BY_PAGE[page] + BY_BASKET * baskets,
      );
      const visitor = people.indexOf(person);
      events.push({ kind: 'page', visit, visitor, at: time(atMs), atMs, device, source, page, chance });
      person.freeAtMs = atMs + WITHIN_MINUTES * 60_000;
      const late = atMs > startMs + (WITHIN_MINUTES - 5) * 60_000;
      atMs += 30_000 + Math.floor(random() * 150_000);
      if (!late && random() >= LEAVES) continue;
      if (random() < chance) events.push({ kind: 'purchase', visit, at: time(atMs), atMs });
      break;
    }
  }
  return events.sort((a, b) => a.atMs - b.atMs);
}

function time(ms) {
  return new Date(ms).toISOString();
}

function one(random, values) {
  return values[Math.floor(random() * values.length)];
}

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}
