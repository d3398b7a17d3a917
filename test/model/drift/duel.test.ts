import { expect, test } from 'vitest';
import { Duel } from '../../../src/model/drift/duel.ts';
import { StateReader, StateWriter } from '../../../src/model/saved-state.ts';
import { seeded } from '../../sink/history.ts';

/** Losses of two models, most of them small, a few large: the second's are lower by so much, on the whole. */
function* losses(seed: number, gain: number): Generator<readonly [number, number]> {
  const random = seeded(seed);
  for (;;) {
    const base = random() < 0.02 ? random() : random() * 0.01;
    yield [base * (0.5 + random()), base * (0.5 + random()) * (1 - gain)];
  }
}

/** Pairs until the other is better; undefined: it was not within so many. */
function pairsToWin(duel: Duel, seed: number, gain: number, most: number): number | undefined {
  for (const [own, other] of losses(seed, gain)) {
    if (duel.add(own, other)) return duel.pairs;
    if (duel.pairs === most) return undefined;
  }
  return undefined;
}

const SEEDS = Array.from({ length: 20 }, (_, index) => 7919 * (index + 1));
const wins = (share: number, gain: number, most: number): number =>
  SEEDS.filter((seed) => pairsToWin(new Duel(share), seed, gain, most) !== undefined).length;

test('where half of all pairs count, more of them find what is little but lasts, and 500 do not', () => {
  expect(wins(0.5, 0.15, 50_000)).toBe(20);
  expect(wins(0.5, 0.15, 5_000)).toBe(13);
  expect(wins(0, 0.15, 50_000)).toBeLessThan(12);
});

test('of two that are equal neither is found better, however long it goes on', () => {
  expect(wins(0.5, 0, 20_000)).toBe(0);
  expect(wins(0, 0, 20_000)).toBe(0);
});

test.each([0, 0.5])('it goes on from what was saved (share %d)', (share) => {
  const calm = new Duel(share);
  let interrupted = new Duel(share);
  for (const [own, other] of losses(3, 0.05)) {
    calm.add(own, other);
    interrupted.add(own, other);
    if (calm.pairs % 300 === 0) {
      const writer = new StateWriter('duel');
      interrupted.save(writer);
      interrupted = Duel.load(new StateReader(writer.finish(), 'duel'), share);
    }
    if (calm.pairs === 3_000) break;
  }
  expect([interrupted.own, interrupted.other, interrupted.pairs]).toEqual([calm.own, calm.other, calm.pairs]);
});
