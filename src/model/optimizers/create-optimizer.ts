// From options to an optimizer.

import { AdaGrad } from './adagrad.ts';
import { Adam } from './adam.ts';
import { Ftrl } from './ftrl.ts';
import type { Optimizer, OptimizerOptions } from './optimizer.ts';
import { Sgd } from './sgd.ts';

export function createOptimizer(options: OptimizerOptions): Optimizer {
  switch (options.name) {
    case 'sgd':
      return new Sgd(options);
    case 'adagrad':
      return new AdaGrad(options);
    case 'adam':
      return new Adam(options);
    case 'ftrl':
      return new Ftrl(options);
  }
}
