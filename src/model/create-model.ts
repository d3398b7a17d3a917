// Makes a model from a pipeline's options and columns, new or as it was saved.

import { MillraceError } from '../runtime/errors.ts';
import type { ColumnType, ModelOptions } from '../flow/pipeline.ts';
import { AnomalyModel } from './anomaly/anomaly-model.ts';
import type { AnomalyOptions } from './anomaly/anomaly-options.ts';
import { RunningQuantile } from './anomaly/running-quantile.ts';
import { ClassList } from './class-list.ts';
import { EncodedModel } from './encoded-model.ts';
import type { LearnerOptions } from './encoder/encode-options.ts';
import { Encoder } from './encoder/encoder.ts';
import { chooseKind } from './kinds/auto.ts';
import { NoModel } from './kinds/none.ts';
import { kindOf } from './kinds/registry.ts';
import type { Kind, Learner } from './learner.ts';
import type { CreateModel, LearnedTask, LoadModel, ModelRequest } from './model.ts';
import { didYouMean, parseOptions, settingsOf } from './options.ts';
import { StateReader } from './saved-state.ts';
import { seriesColumns, SeriesKeys } from './series-keys.ts';
import { chooseTask } from './task-choice.ts';

export const createModel: CreateModel = async (request) => {
  if (request.options.kind === 'none') return new NoModel(request);
  const resolved = resolve(request);
  const { kind, options, task, parsed } = resolved;
  const seed = parsed.seed ?? request.seed;
  const encoder = new Encoder(featuresOf(resolved, request), parsed.encode, undefined, kind.inputs);
  const learner = await kind.create(options, task, seed, encoder);
  if (task === 'anomaly') {
    const ranks = new RunningQuantile(seed, memoryOf(parsed));
    return new AnomalyModel({ ...anomalyPartsOf(resolved, learner), encoder, ranks, examples: 0 });
  }
  return new EncodedModel({
    ...partsOf(resolved),
    encoder,
    series: seriesOf(resolved, request),
    classes: classesOf(resolved),
    learner,
    examples: 0,
    skipped: 0,
  });
};

export const loadModel: LoadModel = async (request, saved) => {
  if (request.options.kind === 'none') return new NoModel(request, saved);
  const resolved = resolve(request);
  const { kind, options, task, parsed } = resolved;
  const reader = new StateReader(saved, `${kind.name} model`);
  const examples = reader.f64();
  if (task === 'anomaly') {
    const encoder = new Encoder(request.features, parsed.encode, reader, kind.inputs);
    const ranks = new RunningQuantile(0, memoryOf(parsed), reader);
    const learner = await kind.load(options, task, reader.bytes(), encoder);
    reader.finish();
    return new AnomalyModel({ ...anomalyPartsOf(resolved, learner), encoder, ranks, examples });
  }
  const skipped = reader.f64();
  const encoder = new Encoder(featuresOf(resolved, request), parsed.encode, reader, kind.inputs);
  const series = seriesOf(resolved, request, reader);
  const classes = classesOf(resolved, reader);
  const learner = await kind.load(options, task, reader.bytes(), encoder);
  reader.finish();
  return new EncodedModel({ ...partsOf(resolved), encoder, series, classes, learner, examples, skipped });
};

interface Resolved {
  readonly kind: Kind;
  readonly task: LearnedTask;
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
  const task = chooseTask(kind, parsed, request);
  if (learnsArrivals(task, parsed) && !request.arrivals) throw noArrivals(kind, task);
  checkMetricsBy(parsed.metrics_by, request);
  return { kind, task, options, parsed };
}

function checkMetricsBy(by: string | undefined, { features }: ModelRequest): void {
  const names = features.map(({ name }) => name);
  if (by === undefined || names.includes(by)) return;
  throw new MillraceError('MODEL_INVALID', `model option "metrics_by" names "${by}", which is no feature`, {
    hint: `${didYouMean(by, names)}Features: ${names.join(', ')}.`,
  });
}

function learnsArrivals(task: LearnedTask, parsed: LearnerOptions): boolean {
  return task === 'anomaly' || parsed.update === 'on_arrival';
}

function noArrivals(kind: Kind, task: LearnedTask): MillraceError {
  const what = task === 'anomaly' ? `a model of the kind "${kind.name}"` : 'model option "update": "on_arrival"';
  return new MillraceError(
    'MODEL_INVALID',
    `${what} is not supported here: rows that have no label are not stored`,
    task === 'anomaly' ? {} : { hint: 'Leave it out: "on_label" is the default.' },
  );
}

/** Columns that say series or time are no features. */
function featuresOf({ kind, parsed }: Resolved, { features }: ModelRequest): readonly ColumnType[] {
  if (!kind.series) return features;
  const taken = seriesColumns(parsed);
  return features.filter(({ name }) => !taken.includes(name));
}

function seriesOf({ kind, parsed }: Resolved, request: ModelRequest, saved?: StateReader): SeriesKeys | undefined {
  if (!kind.series) return undefined;
  return new SeriesKeys(request.features, { ...parsed, max_series: parsed.max_series! }, saved);
}

function classesOf({ task, parsed }: Resolved, saved?: StateReader): ClassList | undefined {
  return task === 'multiclass' ? new ClassList(parsed.max_classes ?? 100, saved) : undefined;
}

function memoryOf(parsed: LearnerOptions): number | undefined {
  return (parsed as AnomalyOptions).memory;
}

function anomalyPartsOf({ kind, parsed }: Resolved, learner: Learner) {
  const { threshold } = parsed as AnomalyOptions;
  return { kind: kind.name, settings: settingsOf(parsed), learner, threshold: threshold!, warmUp: learner.warmUp! };
}

function partsOf({ kind, task, parsed }: Resolved) {
  return {
    kind: kind.name,
    task,
    settings: settingsOf(parsed),
    learnsArrivals: learnsArrivals(task, parsed),
    classWeights: parsed.class_weights,
  };
}
