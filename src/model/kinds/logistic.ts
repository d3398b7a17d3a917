// `logistic`: logistic regression for a boolean label. Options and defaults: docs/models.md.

import type { Kind } from '../learner.ts';
import { parseOptions } from '../options.ts';
import { GeneralisedLinear, logisticOptions } from './generalised-linear.ts';

export const logistic: Kind = {
  name: 'logistic',
  tasks: ['binary'],
  options: logisticOptions,
  create(options) {
    return new GeneralisedLinear('log', parseOptions(logisticOptions, options));
  },
  load(options, _task, saved) {
    return GeneralisedLinear.load('log', parseOptions(logisticOptions, options), saved);
  },
};
