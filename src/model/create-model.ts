// Makes a model from a pipeline's options and columns, new or as it was saved.

import { MillraceError } from '../runtime/errors.ts';
import type { ModelOptions } from '../flow/pipeline.ts';
import { EncodedModel } from './encoded-model.ts';
import type { LearnerOptions } from './encoder/encode-options.ts';
import { Encoder } from './encoder/encoder.ts';
import { chooseKind } from './kinds/auto.ts';
import { NoModel } from './kinds/none.ts';
import { kindOf } from './kinds/registry.ts';
import type { Kind } from './learner.ts';
import type { CreateModel, LoadModel, ModelRequest, Task } from './model.ts';
import { parseOptions, settingsOf } from './options.ts';
import { StateReader } from './saved-state.ts';
import { taskOf } from './target.ts';

export const createModel: CreateModel = async (request) => {
  if (request.options.kind === 'none') return new NoModel(request);
  const resolved = resolve(request);
  const { kind, options, task } = resolved;
  return new EncodedModel({
    ...partsOf(resolved),
    encoder: new Encoder(request.features, resolved.parsed.encode),
    learner: await kind.create(options, task, resolved.parsed.seed ?? request.seed),
    examples: 0,
    skipped: 0,
  });
};

export const loadModel: LoadModel = async (request, saved) => {
  if (request.options.kind === 'none') return new NoModel(request, saved);
  const resolved = resolve(request);
  const reader = new StateReader(saved, `${resolved.kind.name} model`);
  const examples = reader.f64();
  const skipped = reader.f64();
  const encoder = new Encoder(request.features, resolved.parsed.encode, reader);
  const learner = await resolved.kind.load(resolved.options, resolved.task, reader.bytes());
  reader.finish();
  return new EncodedModel({ ...partsOf(resolved), encoder, learner, examples, skipped });
};

interface Resolved {
  readonly kind: Kind;
  readonly task: Exclude<Task, 'none'>;
  readonly options: ModelOptions;
  readonly parsed: LearnerOptions;
}

/** Kind, task and options of a request; throws MODEL_INVALID where they do not go together. */
function resolve(request: ModelRequest): Resolved {
  if (typeof request.options.kind !== 'string') kindOf(JSON.stringify(request.options.kind));
  const auto = request.options.kind === 'auto';
  const kind = kindOf(auto ? chooseKind(request) : request.options.kind);
  const options = { ...request.options, kind: kind.name };
  const parsed = parseOptions(kind.options, options);
  const task = request.label && taskOf(request.label);
  if (!request.label || !task) {
    chooseKind(request);
    throw new Error('chooseKind refuses what has no task');
  }
  if (!kind.tasks.includes(task)) {
    const wanted = kind.tasks.includes('binary') ? 'boolean' : 'numeric';
    throw new MillraceError(
      'MODEL_INVALID',
      `"${kind.name}" needs a ${wanted} label, the label view gives ${request.label.type}`,
      {
        hint:
          wanted === 'boolean'
            ? 'Give a boolean: `select …, (label = 1) as label`, or {"kind":"linear"}.'
            : 'Give a number: `select …, label::int as label`, or {"kind":"logistic"}.',
      },
    );
  }
  if (parsed.update === 'on_arrival' && !request.arrivals)
    throw new MillraceError(
      'MODEL_INVALID',
      'model option "update": "on_arrival" is not supported here: rows that have no label are not stored',
      {
        hint: 'Leave it out: "on_label" is the default.',
      },
    );
  return { kind, task, options, parsed };
}

function partsOf(resolved: Resolved) {
  return {
    kind: resolved.kind.name,
    task: resolved.task,
    settings: settingsOf(resolved.parsed),
    observesArrivals: resolved.parsed.update === 'on_arrival',
  };
}
