// A market of which everything is known: how prices come about, and so the least error that any forecast can have.
//
//   log(close[d] / close[d − 1]) = 0.0003 + 0.15 · log(close[d − 1] / close[d − 2]) + 0.8 · overnight[d] + 0.01 · e[d]
//
// overnight[d], known before the market opens, is normal with deviation 0.012; e[d], which nobody knows, is standard normal. Sessions
// are Mondays to Fridays. The best forecast of close[d] in the morning is its median given all that came before; it is off by |close −
// median|, in the mean 0.8 % of the price, all of it e.

import { gaussian, seeded } from '../random.mjs';

export const SYMBOLS = ['ANT', 'BEE', 'CAT'];
const FIRST_CLOSES = [40, 150, 900];

/** `sessions` days of the market: of each day and symbol overnight, close and the best forecast of it; the same for the same seed. */
export function market(sessions, seed) {
  const random = seeded(seed);
  const normal = () => gaussian(random);
  const closes = [...FIRST_CLOSES];
  const moves = SYMBOLS.map(() => 0);
  return tradingDays(sessions).map((day) =>
    SYMBOLS.map((symbol, s) => {
      const overnight = round(0.012 * normal(), 6);
      const expected = 0.0003 + 0.15 * moves[s] + 0.8 * overnight;
      const best = closes[s] * Math.exp(expected);
      const close = round(closes[s] * Math.exp(expected + 0.01 * normal()), 4);
      const before = closes[s];
      moves[s] = Math.log(close / before);
      closes[s] = close;
      return { symbol, day, overnight, close, best, before };
    }),
  );
}

function tradingDays(count) {
  const days = [];
  for (let ms = Date.UTC(2024, 0, 1); days.length < count; ms += 86_400_000) {
    const date = new Date(ms);
    if (date.getUTCDay() % 6 !== 0) days.push(date.toISOString().slice(0, 10));
  }
  return days;
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}
