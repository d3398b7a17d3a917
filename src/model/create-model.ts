// Makes a model from a pipeline's options and columns, new or as it was saved.

import assert from 'node:assert/strict';
import { MillraceError } from '../runtime/errors.ts';
import type { ColumnType, ModelOptions } from '../flow/pipeline.ts';
import { AnomalyModel } from './anomaly/anomaly-model.ts';
import type { AnomalyOptions } from './anomaly/anomaly-options.ts';
import { RunningQuantile } from './anomaly/running-quantile.ts';
import { correctedKind, correctionOf } from './calibration/correct-learner.ts';
import type { Correction } from './calibration/score-correction.ts';
import { ClassList } from './class-list.ts';
import { checkDrift } from './drift/check-drift.ts';
import { EncodedModel } from './encoded-model.ts';
import type { LearnerOptions } from './encoder/encode-options.ts';
import { Encoder } from './encoder/encoder.ts';
import { planEncoding } from './encoder/feature-role.ts';
import { GuardedModel, type GuardParts } from './guarded-model.ts';
import { chooseKind } from './kinds/auto.ts';
import { NoModel } from './kinds/none.ts';
import { kindOf } from './kinds/registry.ts';
import type { Kind, Learner } from './learner.ts';
import type { CreateModel, LearnedTask, LoadModel, Model, ModelRequest } from './model.ts';
import { didYouMean, parseOptions, settingsOf } from './options.ts';
import { auto, createPortfolio, loadPortfolio, type PortfolioPlan } from './portfolio/open-portfolio.ts';
import { namesOneKind, withoutPortfolio, type PortfolioOptions } from './portfolio/portfolio-options.ts';
import { StateReader } from './saved-state.ts';
import { seriesColumns, SeriesKeys } from './series-keys.ts';
import { chooseTask } from './task-choice.ts';

export const createModel: CreateModel = async (request) => {
  if (request.options.kind === 'none') return new NoModel(request);
  const resolved = resolve(request);
  const model = await made(resolved, request, seedOf(resolved, request));
  return watchesNothing(resolved) ? model : new GuardedModel(guardOf(resolved, request, model));
};

export const loadModel: LoadModel = async (request, saved) => {
  if (request.options.kind === 'none') return new NoModel(request, saved);
  const resolved = resolve(request, FORMER_AUTO.includes(StateReader.nameOf(saved) ?? ''));
  try {
    return await reopened(resolved, request, saved);
  } catch (error) {
    // A length that no array can have, or one array longer than another: parts that do not agree although the checksum is right.
    if (error instanceof RangeError) throw unreadable(resolved.kind.name, error);
    throw error;
  }
};

async function reopened(resolved: Resolved, request: ModelRequest, saved: Uint8Array): Promise<Model> {
  const guard = GuardedModel.unpack(saved, resolved.kind.name);
  const model = await loaded(resolved, request, guard?.model ?? saved);
  // Where another model took over, its guard counts the examples of the one before.
  if (watchesNothing(resolved) && !guard?.counts.some((count) => count !== 0)) return model;
  const { action } = resolved.parsed.drift;
  const beside = action !== 'alarm' && guard?.beside ? await loaded(resolved, request, guard.beside) : undefined;
  return new GuardedModel(guardOf(resolved, request, model), guard, beside);
}

function unreadable(kind: string, cause: RangeError): MillraceError {
  return new MillraceError('MODEL_STATE', `the saved ${kind} model cannot be read: its parts do not fit together`, {
    hint: 'Roll back to an older model version, or rebuild the pipeline.',
    cause,
  });
}

/** The model alone, at once unless its kind must load something first. */
function made(resolved: Resolved, request: ModelRequest, seed: number): Model | Promise<Model> {
  const { kind, learners, options, task, parsed } = resolved;
  if (kind === auto) return createPortfolio(request, planOf(resolved), seed);
  const encoder = new Encoder(featuresOf(resolved, request), parsed.encode, undefined, kind.inputs);
  const around = (learner: Learner): Model => {
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
  const learner = learners.create(options, task, seed, encoder);
  return learner instanceof Promise ? learner.then(around) : around(learner);
}

async function loaded(resolved: Resolved, request: ModelRequest, saved: Uint8Array): Promise<Model> {
  const { kind, learners, options, task, parsed } = resolved;
  if (kind === auto) return await loadPortfolio(request, planOf(resolved), saved);
  const reader = new StateReader(saved, `${kind.name} model`);
  const examples = reader.f64();
  if (task === 'anomaly') {
    const encoder = new Encoder(request.features, parsed.encode, reader, kind.inputs);
    const ranks = new RunningQuantile(0, memoryOf(parsed), reader);
    const learner = await learners.load(options, task, reader.bytes(), encoder);
    reader.finish();
    return new AnomalyModel({ ...anomalyPartsOf(resolved, learner), encoder, ranks, examples });
  }
  const skipped = reader.f64();
  const encoder = new Encoder(featuresOf(resolved, request), parsed.encode, reader, kind.inputs);
  const series = seriesOf(resolved, request, reader);
  const classes = classesOf(resolved, reader);
  const learner = await learners.load(options, task, reader.bytes(), encoder);
  reader.finish();
  return new EncodedModel({ ...partsOf(resolved), encoder, series, classes, learner, examples, skipped });
}

function watchesNothing({ parsed }: Resolved): boolean {
  return parsed.drift.signals.length === 0;
}

/** Throws MODEL_INVALID where `drift.action` needs another model and the kind gives none at once. */
function guardOf(resolved: Resolved, request: ModelRequest, model: Model): GuardParts {
  const { kind, parsed } = resolved;
  const seed = seedOf(resolved, request);
  const { features } = planEncoding(featuresOf(resolved, request), parsed.encode);
  const parts = {
    options: parsed.drift,
    name: kind.name,
    model,
    task: resolved.task,
    features,
    seed,
    fresh: undefined,
  };
  if (parsed.drift.action === 'alarm' || (parsed.drift.action === 'adapt' && model.mends)) return parts;
  const fresh = (anotherSeed: number): Model => {
    const another = made(resolved, request, anotherSeed);
    assert(!(another instanceof Promise), 'a kind gives models at once or never');
    return another;
  };
  const tried = made(resolved, request, seed);
  if (tried instanceof Promise) {
    tried.catch(() => {});
    throw new MillraceError(
      'MODEL_INVALID',
      `model option "drift.action": "${parsed.drift.action}" is not supported by the kind "${kind.name}"`,
      { hint: 'Leave it out: "alarm" is the default.' },
    );
  }
  return { ...parts, fresh };
}

function seedOf({ parsed }: Resolved, request: ModelRequest): number {
  return parsed.seed ?? request.seed;
}

/** Before there was a portfolio, `auto` was one kind alone: what was saved then goes on as that. */
const FORMER_AUTO: readonly string[] = ['logistic', 'linear'].flatMap((kind) => [
  `${kind} model`,
  `guarded ${kind} model`,
]);

interface Resolved {
  readonly kind: Kind;
  /** The same kind, whose learners are corrected as was asked for. */
  readonly learners: Kind;
  readonly task: LearnedTask;
  readonly options: ModelOptions;
  readonly parsed: LearnerOptions;
  readonly correction: Correction | undefined;
}

/** Kind, task and options of a request; throws MODEL_INVALID where they do not go together. */
function resolve(request: ModelRequest, former = false): Resolved {
  if (typeof request.options.kind !== 'string') kindOf(JSON.stringify(request.options.kind));
  const { kind, options } = request.options.kind === 'auto' ? resolveAuto(request, former) : given(request);
  const parsed = parseOptions(kind.options, options);
  const task = chooseTask(kind, parsed, request);
  checkSegments(parsed, request);
  checkTargets(parsed, task);
  checkDrift(parsed.drift, task);
  const correction = correctionOf(parsed, task);
  return { kind, learners: correctedKind(kind, correction), task, options, parsed, correction };
}

function given({ options }: ModelRequest): Pick<Resolved, 'kind' | 'options'> {
  return { kind: kindOf(options.kind), options };
}

/** The portfolio, or one kind alone where the options, the label or what was saved leave no choice. */
function resolveAuto(request: ModelRequest, former: boolean): Pick<Resolved, 'kind' | 'options'> {
  const { options, label } = request;
  if (label !== undefined && !former && !namesOneKind(options)) return { kind: auto, options };
  const kind = kindOf(chooseKind(request));
  return { kind, options: { ...(former ? withoutPortfolio(options) : options), kind: kind.name } };
}

function learnsArrivals(task: LearnedTask, parsed: LearnerOptions): boolean {
  return task === 'anomaly' || parsed.update === 'on_arrival';
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

/** A class has no mean. */
function checkTargets({ encode }: LearnerOptions, task: LearnedTask): void {
  if (task === 'binary' || task === 'regression') return;
  for (const [name, { as }] of Object.entries(encode.features))
    if (as === 'target')
      throw new MillraceError(
        'MODEL_INVALID',
        `model option "encode.features.${name}.as" is "target", which needs a boolean or a number as the label`,
        { hint: 'Take "category", with "categories": "hashing" where there are many.' },
      );
}

function checkSegments({ metrics_by: by }: LearnerOptions, { features }: ModelRequest): void {
  const names = features.map(({ name }) => name);
  if (by === undefined || names.includes(by)) return;
  throw new MillraceError('MODEL_INVALID', `model option "metrics_by" names "${by}", which is no feature`, {
    hint: `${didYouMean(by, names)}Features are ${names.join(', ')}.`,
  });
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

function planOf({ parsed, task, correction }: Resolved): PortfolioPlan {
  return { parsed: parsed as PortfolioOptions, task, correction };
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
