import { expect, test } from 'vitest';
import { Adam } from '../../src/model/optimizers/adam.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';

const OPTIONS = [
  { beta_1: 0.9, beta_2: 0.999 },
  { beta_1: 0.5, beta_2: 0 },
  { beta_1: 1e-300, beta_2: 0.99 },
  { beta_1: 0, beta_2: 0.99999 },
].map((betas) => ({ lr: 0.01, eps: 1e-8, ...betas }));

test.each(OPTIONS)('Adam has the rate of the paper at every step, within 1e-11 of it, with %j', (options) => {
  const { lr, beta_1, beta_2 } = options;
  const adam = new Adam(options);
  let greatest = 0;
  for (let step = 1; step <= 70_000; step++) {
    adam.begin();
    const rate = (lr * Math.sqrt(1 - beta_2 ** step)) / (1 - beta_1 ** step);
    greatest = Math.max(greatest, Math.abs(adam.rate[0]! / rate - 1));
  }
  // A product of t factors is off by t roundings at most.
  expect(greatest).toBeLessThan(1e-11);
});

test.each(OPTIONS)('saved and loaded at any step, it has the same rates to the bit, with %j', (options) => {
  const whole = new Adam(options);
  for (let step = 1; step <= 5000; step++) {
    whole.begin();
    if (step % 97 !== 0) continue;
    const writer = new StateWriter('adam');
    whole.save(writer, 0);
    const resumed = new Adam(options);
    resumed.load(new StateReader(writer.finish(), 'adam'));
    whole.begin();
    resumed.begin();
    expect(resumed.rate[0]).toBe(whole.rate[0]);
    step += 1;
  }
});
