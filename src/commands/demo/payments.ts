// Card payments as a bank might see them, made up: the demo's, the tests' and the benchmarks' data. Seeded: the same seed gives the
// same payments, to the last digit, so that two runs can be compared.
//
// What is in them:
//   customers   with habits: how often they pay, how much, when in the day, in which currency, from which country
//   merchants   with a category and a country; some categories are dearer, and some are liked by thieves
//   dirt        amounts and countries that are missing, currencies written ' eur', 'Eur', 'EUR ' or not at all
//   fraud       a stolen card is used two to six times within the hour, away from its owner's habits. It drifts: at first thieves
//               buy dear electronics; from `driftDay` on they begin with tiny online payments at night, and buy travel
//   chargebacks nine in ten frauds are reported, half a day to ten days later; one honest payment in a thousand is, too

/** Days and payments of the demo: history first, the rest is played live. */
export const DEMO = {
  seed: 20_260_101,
  historyDays: 60,
  liveDays: 15,
  paymentsPerDay: 667,
  firstDay: '2025-01-01',
  driftDay: 38,
} as const;

export interface Payment {
  readonly id: number;
  readonly customerId: number;
  readonly merchantId: number;
  readonly category: string;
  /** numeric(12,2), as text. */
  readonly amount: string | null;
  readonly currency: string | null;
  readonly country: string | null;
  readonly channel: 'chip' | 'online' | 'contactless';
  readonly fraud: boolean;
}

export interface Chargeback {
  readonly id: number;
  readonly paymentId: number;
}

/** What happens, and when: milliseconds since 1970 UTC. */
export type PaymentEvent =
  | { readonly atMs: number; readonly payment: Payment; readonly chargeback?: undefined }
  | { readonly atMs: number; readonly chargeback: Chargeback; readonly payment?: undefined };

export interface PaymentOptions {
  readonly seed: number;
  /** `2025-01-01`: midnight UTC of the first day. */
  readonly firstDay: string;
  readonly days: number;
  readonly paymentsPerDay: number;
  /** From this day on (0 is the first) fraud looks different. */
  readonly driftDay: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const CATEGORIES = [
  'groceries',
  'fuel',
  'restaurant',
  'clothing',
  'electronics',
  'travel',
  'pharmacy',
  'gaming',
] as const;
/** Typical payment as a multiple of the customer's usual one. */
const DEARNESS: Readonly<Record<(typeof CATEGORIES)[number], number>> = {
  groceries: 1,
  fuel: 1.2,
  restaurant: 0.9,
  clothing: 1.6,
  electronics: 3,
  travel: 5,
  pharmacy: 0.5,
  gaming: 0.4,
};
const COUNTRIES = ['DE', 'FR', 'NL', 'ES', 'PL', 'GB', 'US', 'CH'] as const;
const CURRENCY: Readonly<Record<(typeof COUNTRIES)[number], string>> = {
  DE: 'EUR',
  FR: 'EUR',
  NL: 'EUR',
  ES: 'EUR',
  PL: 'PLN',
  GB: 'GBP',
  US: 'USD',
  CH: 'CHF',
};
const CUSTOMERS = 1500;
const MERCHANTS = 300;
/** Stolen cards a day, as a share of payments. */
const THEFT_RATE = 0.0045;

interface Customer {
  readonly usualAmount: number;
  readonly spread: number;
  readonly hour: number;
  readonly country: (typeof COUNTRIES)[number];
  readonly likes: readonly number[];
}

interface Merchant {
  readonly category: (typeof CATEGORIES)[number];
  readonly country: (typeof COUNTRIES)[number];
}

/** All events of the days asked for, in the order in which they happen. */
export function* paymentEvents(options: PaymentOptions): Generator<PaymentEvent> {
  const world = new PaymentWorld(options);
  const firstMs = Date.parse(`${options.firstDay}T00:00:00Z`);
  for (let day = 0; day < options.days; day++) yield* world.day(firstMs + day * DAY_MS, day >= options.driftDay);
}

class PaymentWorld {
  readonly #options: PaymentOptions;
  readonly #random: () => number;
  readonly #customers: readonly Customer[];
  readonly #merchants: readonly Merchant[];
  #pending: { readonly atMs: number; readonly paymentId: number }[] = [];
  #payments = 0;
  #chargebacks = 0;

  constructor(options: PaymentOptions) {
    this.#options = options;
    this.#random = mulberry32(options.seed);
    this.#merchants = Array.from({ length: MERCHANTS }, () => ({
      category: this.#pick(CATEGORIES),
      country: this.#pick(COUNTRIES),
    }));
    this.#customers = Array.from({ length: CUSTOMERS }, () => ({
      usualAmount: Math.exp(3 + 0.6 * this.#normal()),
      spread: 0.25 + 0.35 * this.#random(),
      hour: 8 + 13 * this.#random(),
      country: this.#pick(COUNTRIES),
      likes: Array.from({ length: 6 }, () => Math.floor(MERCHANTS * this.#random())),
    }));
  }

  *day(startMs: number, drifted: boolean): Generator<PaymentEvent> {
    const made: { atMs: number; payment: Omit<Payment, 'id'> }[] = [];
    while (made.length < this.#options.paymentsPerDay) {
      // A few pay often, most now and then.
      const customerId = Math.floor(CUSTOMERS * this.#random() ** 1.7);
      if (this.#random() < THEFT_RATE) made.push(...this.#theft(customerId, startMs, drifted));
      else made.push(this.#honest(customerId, startMs));
    }
    made.sort((a, b) => a.atMs - b.atMs);
    for (const { atMs, payment } of made) {
      yield* this.#reported(atMs);
      const id = (this.#payments += 1);
      this.#maybeReport(id, atMs, payment.fraud);
      yield { atMs, payment: { id, ...payment } };
    }
  }

  #honest(customerId: number, startMs: number): { atMs: number; payment: Omit<Payment, 'id'> } {
    const customer = this.#customers[customerId]!;
    const merchantId = this.#random() < 0.8 ? this.#pick(customer.likes) : Math.floor(MERCHANTS * this.#random());
    const merchant = this.#merchants[merchantId]!;
    const hour = (customer.hour + 2.5 * this.#normal() + 24) % 24;
    const amount = customer.usualAmount * DEARNESS[merchant.category] * Math.exp(customer.spread * this.#normal());
    const channel = this.#random() < 0.3 ? 'online' : this.#random() < 0.6 ? 'contactless' : 'chip';
    const atMs = Math.floor(startMs + Math.min(23.999, hour) * HOUR_MS);
    return {
      atMs,
      payment: this.#payment({ customerId, merchantId, amount, country: customer.country, channel, fraud: false }),
    };
  }

  /** A stolen card: a burst within the hour. */
  #theft(customerId: number, startMs: number, late: boolean): { atMs: number; payment: Omit<Payment, 'id'> }[] {
    const customer = this.#customers[customerId]!;
    const favourite = late ? 'travel' : 'electronics';
    const hour = late ? 5 * this.#random() : 22 * this.#random();
    const burst = 2 + Math.floor(5 * this.#random());
    const country = this.#random() < 0.6 ? this.#pick(COUNTRIES) : customer.country;
    return Array.from({ length: burst }, (_, index) => {
      const tiny = late && index < 2;
      const merchantId = this.#merchantOf(tiny ? 'gaming' : this.#random() < 0.7 ? favourite : this.#pick(CATEGORIES));
      const amount = tiny ? 0.5 + 2 * this.#random() : customer.usualAmount * (3 + 6 * this.#random());
      const channel = this.#random() < 0.85 ? 'online' : 'chip';
      const atMs = Math.floor(startMs + hour * HOUR_MS + ((index + this.#random()) / burst) * HOUR_MS * 0.9);
      return { atMs, payment: this.#payment({ customerId, merchantId, amount, country, channel, fraud: true }) };
    });
  }

  /** With the dirt that such tables have. */
  #payment(clean: {
    customerId: number;
    merchantId: number;
    amount: number;
    country: (typeof COUNTRIES)[number];
    channel: Payment['channel'];
    fraud: boolean;
  }): Omit<Payment, 'id'> {
    const currency = CURRENCY[clean.country];
    const dirt = this.#random();
    return {
      customerId: clean.customerId,
      merchantId: clean.merchantId,
      category: this.#merchants[clean.merchantId]!.category,
      amount: this.#random() < 0.01 ? null : Math.max(0.01, clean.amount).toFixed(2),
      currency:
        dirt < 0.01
          ? null
          : dirt < 0.03
            ? ` ${currency.toLowerCase()}`
            : dirt < 0.05
              ? `${currency[0]}${currency.slice(1).toLowerCase()} `
              : currency,
      country: this.#random() < 0.02 ? null : clean.country,
      channel: clean.channel,
      fraud: clean.fraud,
    };
  }

  #maybeReport(paymentId: number, atMs: number, fraud: boolean): void {
    if (this.#random() >= (fraud ? 0.9 : 0.001)) return;
    const delayDays = 0.5 - 1.5 * Math.log(1 - this.#random());
    this.#pending.push({ atMs: Math.floor(atMs + delayDays * DAY_MS), paymentId });
    this.#pending.sort((a, b) => b.atMs - a.atMs);
  }

  *#reported(untilMs: number): Generator<PaymentEvent> {
    for (let next = this.#pending.at(-1); next && next.atMs <= untilMs; next = this.#pending.at(-1)) {
      this.#pending.pop();
      yield { atMs: next.atMs, chargeback: { id: (this.#chargebacks += 1), paymentId: next.paymentId } };
    }
  }

  #merchantOf(category: (typeof CATEGORIES)[number]): number {
    const start = Math.floor(MERCHANTS * this.#random());
    for (let step = 0; step < MERCHANTS; step++) {
      const id = (start + step) % MERCHANTS;
      if (this.#merchants[id]!.category === category) return id;
    }
    return start;
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(from.length * this.#random())]!;
  }

  /** Box and Muller, 1958. */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }
}

/** T. Ettinger's mulberry32: 32 bits of state, uniform in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
