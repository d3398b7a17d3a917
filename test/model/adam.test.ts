import { expect, test } from 'vitest';
import { Adam } from '../../src/model/optimizers/adam.ts';

test.each([
  { beta_1: 0.9, beta_2: 0.999 },
  { beta_1: 0.5, beta_2: 0 },
  { beta_1: 1e-300, beta_2: 0.99 },
])('Adam has the rate of the paper at every step, to the last bit, with %j', ({ beta_1, beta_2 }) => {
  const adam = new Adam({ lr: 0.01, beta_1, beta_2, eps: 1e-8 });
  const wrong: number[] = [];
  for (let step = 1; step <= 70_000; step++) {
    adam.begin();
    if (adam.rate[0] !== (0.01 * Math.sqrt(1 - beta_2 ** step)) / (1 - beta_1 ** step)) wrong.push(step);
  }
  expect(wrong).toEqual([]);
});
