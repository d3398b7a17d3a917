/** One term of sMAPE, from 0 to 2; 0 where both are 0. */
export function relativeError(score: number, target: number): number {
  const size = Math.abs(score) + Math.abs(target);
  return size === 0 ? 0 : (2 * Math.abs(score - target)) / size;
}
