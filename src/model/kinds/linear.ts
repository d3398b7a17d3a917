// `linear`: linear regression for a numeric label. Options and defaults: docs/models.md.

import type { Kind } from '../learner.ts';
import { parseOptions } from '../options.ts';
import { GeneralisedLinear, linearOptions } from './generalised-linear.ts';

export const linear: Kind = {
  name: 'linear',
  tasks: ['regression'],
  options: linearOptions,
  create(options) {
    return new GeneralisedLinear('squared', parseOptions(linearOptions, options));
  },
  load(options, _task, saved) {
    return GeneralisedLinear.load('squared', parseOptions(linearOptions, options), saved);
  },
};
