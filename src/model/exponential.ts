// e^x to the same last bit as V8's Math.exp, which is fdlibm's e_exp.c (Sun Microsystems 2004: "Permission to use, copy, modify, and
// distribute this software is freely granted, provided that this notice is preserved."), for scores: it is inlined, and without
// the branches on x that a processor guesses wrong, it costs half as much where a score waits for it.

const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;
const INVERSE_LN2 = 1.442695040888963387;
const P1 = 1.66666666666666019037e-1;
const P2 = -2.77777777770155933842e-3;
const P3 = 6.61375632143793436117e-5;
const P4 = -1.6533902205465251539e-6;
const P5 = 4.13813679705723846039e-8;

/** Beyond, and very near to 0, Math.exp is asked. */
const MOST = 60;
const LEAST = 4e-9;
/** Powers of 2 from 2^-OFFSET on; MOST / ln 2 is less. */
const OFFSET = 90;
const POWERS = Float64Array.from({ length: 2 * OFFSET + 1 }, (_, i) => 2 ** (i - OFFSET));
/** Around it fdlibm takes the next power of 2 by the upper half of x's bits, not by rounding. */
const HALF_LN2 = 0.3465736;
const AROUND = 1e-7;

export function exp(x: number): number {
  const size = Math.abs(x);
  if (!(size > LEAST && size < MOST) || Math.abs(size - HALF_LN2) < AROUND) return Math.exp(x);
  const k = Math.floor(INVERSE_LN2 * x + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const rest = high - low;
  const square = rest * rest;
  const c = rest - square * (P1 + square * (P2 + square * (P3 + square * (P4 + square * P5))));
  return (1 - (low - (rest * c) / (2 - c) - high)) * POWERS[k + OFFSET]!;
}
