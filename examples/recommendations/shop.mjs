// A shop whose customers' tastes are known to us and to nobody else: so is the best that any model could reach.

import { gaussian, seeded } from '../random.mjs';

export const USERS = 200;
export const ITEMS = 100;
/** Numbers that describe a taste: what a user likes, what an item is. */
const TASTES = 3;
const PLACES = { home: 0, search: 0.8, mail: -0.8 };
const FIRST_MS = Date.parse('2026-03-01T00:00:00Z');
/** Between two impressions. */
const STEP_MS = 20_000;
const HOUR_MS = 3_600_000;

export class Shop {
  #random;
  #users;
  #items;
  #shown = 0;
  /** By user: when something was shown in the last hour. */
  #recent = new Map();

  constructor(seed = 1) {
    this.#random = seeded(seed);
    this.#users = Array.from({ length: USERS }, () => this.#someone(0.5));
    this.#items = Array.from({ length: ITEMS }, () => this.#someone(0.5));
  }

  /** P(click) as it is; `shownLately` counts this impression, too. */
  probability({ user, item, place, shownLately }) {
    const [u, i] = [this.#users[user], this.#items[item]];
    const liking = u.taste.reduce((sum, taste, k) => sum + taste * i.taste[k], 0);
    return 1 / (1 + Math.exp(-(-1 + u.eager + i.popular + 1.3 * liking + PLACES[place] - 0.4 * (shownLately - 1))));
  }

  /** The next impression: what was shown, and whether it was clicked. */
  next() {
    const shownAt = FIRST_MS + this.#shown++ * STEP_MS;
    const user = Math.floor(this.#random() * USERS);
    const item = Math.floor(this.#random() * ITEMS);
    const place = Object.keys(PLACES)[Math.floor(this.#random() * 3)];
    const recent = [...(this.#recent.get(user) ?? []), shownAt].filter((at) => at >= shownAt - HOUR_MS);
    this.#recent.set(user, recent);
    const probability = this.probability({ user, item, place, shownLately: recent.length });
    const clicked = this.#random() < probability;
    return {
      impression: this.#shown,
      shownAt: new Date(shownAt).toISOString(),
      user,
      item,
      place,
      probability,
      clicked,
    };
  }

  #someone(spread) {
    const lean = this.#normal() * spread;
    return { eager: lean, popular: lean, taste: Array.from({ length: TASTES }, () => this.#normal()) };
  }

  #normal() {
    return gaussian(this.#random);
  }
}
