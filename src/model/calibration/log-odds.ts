/** Probabilities end so near to 0 and 1: their log-odds are then ±20.7. */
const LEAST = 1e-9;

export function logOdds(p: number): number {
  const clipped = Math.min(Math.max(p, LEAST), 1 - LEAST);
  return Math.log(clipped / (1 - clipped));
}

export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}
