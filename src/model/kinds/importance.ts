// Importance-invariant updates (Karampatziakis, Langford 2011, "Online importance weight aware updates"): an example of weight 6 moves
// the weights exactly as six of weight 1, or 600 of weight 0.01, in a row would; so however great the weight, a step never passes
// the label. In closed form for squared loss; for log loss one equation in one unknown.

/**
 * The slope to step by, in place of weight · slope. `rate` is how far the raw score moves for a slope of 1: the optimizer's rate
 * times the sum of squares, plus the bias's.
 */
export function invariantSlope(loss: 'log' | 'squared', raw: number, y: number, weight: number, rate: number): number {
  if (loss === 'squared') {
    const error = raw - y;
    // As the rate goes to 0 this is 2 · weight · error.
    return rate > 0 ? (-error * Math.expm1(-2 * rate * weight)) / rate : 2 * weight * error;
  }
  const sign = y > 0.5 ? 1 : -1;
  const margin = raw * sign;
  // Where e^margin would leave what a float holds, nothing is left to learn.
  if (margin > 700) return 0;
  if (!(rate > 0)) return (-sign * weight) / (Math.exp(margin) + 1);
  const moved = solve(margin + Math.exp(margin) + rate * weight);
  return (-sign * Math.max(0, moved - margin)) / rate;
}

/** m with m + e^m = c. Newton's method from the right, where it never passes the root. */
function solve(c: number): number {
  let m = c > 1 ? Math.log(c) : c;
  for (let i = 0; i < 60; i++) {
    const power = Math.exp(m);
    const step = (m + power - c) / (1 + power);
    if (!(step > Math.abs(m) * 1e-16)) break;
    m -= step;
  }
  return m;
}
