// `logistic`: logistic regression for a boolean label. Options and defaults: docs/models.md.

import type { Kind } from '../learner.ts';
import { parseOptions } from '../options.ts';
import { GeneralisedLinear, generalisedLinearOptions } from './generalised-linear.ts';

export const logistic: Kind = {
  name: 'logistic',
  tasks: ['binary'],
  options: generalisedLinearOptions,
  async create(options) {
    return new GeneralisedLinear('log', parseOptions(generalisedLinearOptions, options));
  },
  async load(options, _task, saved) {
    return GeneralisedLinear.load('log', parseOptions(generalisedLinearOptions, options), saved);
  },
};
