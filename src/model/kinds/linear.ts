// `linear`: linear regression for a numeric label. Options and defaults: docs/models.md.

import type { Kind } from '../learner.ts';
import { parseOptions } from '../options.ts';
import { GeneralisedLinear, generalisedLinearOptions } from './generalised-linear.ts';

export const linear: Kind = {
  name: 'linear',
  tasks: ['regression'],
  options: generalisedLinearOptions,
  async create(options) {
    return new GeneralisedLinear('squared', parseOptions(generalisedLinearOptions, options));
  },
  async load(options, _task, saved) {
    return GeneralisedLinear.load('squared', parseOptions(generalisedLinearOptions, options), saved);
  },
};
