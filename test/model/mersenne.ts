// Python's `random.Random(seed).random()`, for streams that River's generators make: the Mersenne Twister of Matsumoto and Nishimura
// 1998 (MT19937), seeded by their init_by_array, 53 bits a number.

const N = 624;
const M = 397;

/** @param seed below 2^32 */
export function pythonRandom(seed: number): () => number {
  const state = new Uint32Array(N);
  state[0] = 19650218;
  for (let i = 1; i < N; i++) state[i] = Math.imul(mixed(state, i), 1812433253) + i;
  let i = 1;
  for (let k = 0; k < N; k++) {
    state[i] = (state[i]! ^ Math.imul(mixed(state, i), 1664525)) + seed;
    i = next(state, i);
  }
  for (let k = 1; k < N; k++) {
    state[i] = (state[i]! ^ Math.imul(mixed(state, i), 1566083941)) - i;
    i = next(state, i);
  }
  state[0] = 0x80000000;
  let at = N;
  const bits = (): number => {
    if (at === N) {
      twist(state);
      at = 0;
    }
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return () => {
    const high = bits() >>> 5;
    return (high * 67108864 + (bits() >>> 6)) / 9007199254740992;
  };
}

function mixed(state: Uint32Array, i: number): number {
  return state[i - 1]! ^ (state[i - 1]! >>> 30);
}

function next(state: Uint32Array, i: number): number {
  if (i + 1 < N) return i + 1;
  state[0] = state[N - 1]!;
  return 1;
}

function twist(state: Uint32Array): void {
  for (let i = 0; i < N; i++) {
    const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
    state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}
