// Makes a portfolio, new or as it was saved.

import assert from 'node:assert/strict';
import type { ModelOptions } from '../../flow/pipeline.ts';
import { ScoreCorrection, type Correction } from '../calibration/score-correction.ts';
import { ClassList } from '../class-list.ts';
import { Encoder } from '../encoder/encoder.ts';
import { planEncoding } from '../encoder/feature-role.ts';
import { MillraceError } from '../../runtime/errors.ts';
import { kindOf } from '../kinds/registry.ts';
import type { Kind, Learner, Layout } from '../learner.ts';
import type { LearnedTask, ModelRequest } from '../model.ts';
import { settingsOf } from '../options.ts';
import { StateReader } from '../saved-state.ts';
import { candidatesOf, CONSTANTS, type Candidate, type EncoderGroup } from './candidates.ts';
import { Constant } from './constants.ts';
import { Losses } from './losses.ts';
import { encodingOf, portfolioOptions, type PortfolioOptions } from './portfolio-options.ts';
import { Portfolio, portfolioState } from './portfolio.ts';
import { Race, type Blending } from './race.ts';
import { Team, type Member, type Squad } from './team.ts';

const SEED_STEP = 0x9e3779b9;
const GROUPS: readonly EncoderGroup[] = ['vector', 'columns', 'categories'];

const BLENDING: Readonly<Record<LearnedTask, Blending>> = {
  binary: { window: 500, rate: 0.3, firstAlone: true },
  regression: { window: 100, rate: 4 },
  multiclass: { window: 500, rate: 0, hysteresis: 0.02 },
  // Learned without labels: there is no race.
  anomaly: { window: 1, rate: 0 },
};

/** In the place of a kind, for what all kinds have: a name, tasks and options. */
export const auto: Kind = {
  name: 'auto',
  tasks: ['binary', 'regression', 'multiclass'],
  options: portfolioOptions,
  create: () => assert.fail('a portfolio is made of several learners'),
  load: () => assert.fail('a portfolio is made of several learners'),
};

export interface PortfolioPlan {
  readonly parsed: PortfolioOptions;
  readonly task: LearnedTask;
  /** Of the score; undefined: none is asked for. */
  readonly correction: Correction | undefined;
}

export function createPortfolio(
  request: ModelRequest,
  { parsed, task, correction }: PortfolioPlan,
  seed: number,
): Portfolio {
  const candidates = candidatesOf(task);
  const ofGroup = (group: EncoderGroup | undefined, layout: Layout): Member[] =>
    candidates.flatMap((candidate, index) =>
      candidate.group === group
        ? [{ index, learner: newLearner(candidate, task, (seed + index * SEED_STEP) >>> 0, layout) }]
        : [],
    );
  const squads = GROUPS.map((group): Squad => {
    const encoder = encoderOf(group, request);
    return { group, encoder, members: ofGroup(group, encoder) };
  }).filter(({ members }) => members.length > 0);
  const { encoder } = squads[0]!;
  const team = new Team({
    ...partsOf(parsed, task),
    candidates,
    squads,
    featureless: ofGroup(undefined, encoder),
    notices: encoder.notices,
    unusable: 0,
  });
  return new Portfolio({
    ...partsOf(parsed, task),
    team,
    race: new Race(candidates, BLENDING[task], parsed.budget),
    losses: new Losses(task, candidates.length),
    classes: task === 'multiclass' ? new ClassList(parsed.max_classes) : undefined,
    correction: correction && new ScoreCorrection(correction, seed),
    examples: 0,
    skipped: 0,
  });
}

/** Rejects with MODEL_STATE. Candidates are those that it was saved with, whatever a new one would have. */
export async function loadPortfolio(
  request: ModelRequest,
  { parsed, task, correction: asked }: PortfolioPlan,
  saved: Uint8Array,
): Promise<Portfolio> {
  const reader = new StateReader(saved, portfolioState(task));
  const [examples, skipped] = [reader.f64(), reader.f64()];
  const classes = task === 'multiclass' ? new ClassList(parsed.max_classes, reader) : undefined;
  const known = new Map(candidatesOf(task).map((candidate) => [candidate.name, candidate]));
  const candidates = Array.from({ length: reader.u32() }, () => {
    const name = reader.text();
    return known.get(name) ?? retired(name);
  });
  const race = new Race(candidates, BLENDING[task], parsed.budget);
  race.load(reader);
  const losses = new Losses(task, candidates.length, reader);
  const unusable = reader.f64();
  const squads: Squad[] = [];
  const load = async (layout: Layout): Promise<Member[]> => {
    const members: Member[] = [];
    for (let left = reader.u32(); left > 0; left--) {
      const index = reader.u32();
      members.push({ index, learner: await savedLearner(candidates[index]!, task, reader.bytes(), layout) });
    }
    return members;
  };
  for (let left = reader.u32(); left > 0; left--) {
    const group = reader.text() as EncoderGroup;
    const encoder = encoderOf(group, request, reader);
    squads.push({ group, encoder, members: await load(encoder) });
  }
  const plain = squads[0]?.encoder ?? encoderOf('vector', request);
  const featureless = await load(plain);
  const correction = asked && new ScoreCorrection(asked, parsed.seed ?? request.seed);
  if (!reader.atEnd) {
    if (correction) correction.load(reader);
    else ScoreCorrection.skip(reader);
  }
  reader.finish();
  const { notices } = planEncoding(request.features, parsed.encode);
  const team = new Team({ ...partsOf(parsed, task), candidates, squads, featureless, notices, unusable });
  return new Portfolio({ ...partsOf(parsed, task), team, race, losses, classes, correction, examples, skipped });
}

function encoderOf(group: EncoderGroup, { options, features }: ModelRequest, saved?: StateReader): Encoder {
  const encoding = encodingOf(group, options['encode'], features);
  return new Encoder(features, encoding, saved, group === 'vector' ? 'vector' : 'columns');
}

function newLearner(candidate: Candidate, task: LearnedTask, seed: number, layout: Layout): Learner {
  const { kind } = candidate;
  if (CONSTANTS.includes(kind)) return new Constant(kind as 'last' | 'mean');
  const learner = kindOf(kind).create(optionsOf(candidate), task, seed, layout);
  assert(!(learner instanceof Promise), 'candidates are of kinds that load nothing first');
  return learner;
}

async function savedLearner(
  candidate: Candidate,
  task: LearnedTask,
  saved: Uint8Array,
  layout: Layout,
): Promise<Learner> {
  const { kind } = candidate;
  if (CONSTANTS.includes(kind)) return new Constant(kind as 'last' | 'mean', saved);
  if (kind === RETIRED)
    throw new MillraceError(
      'MODEL_STATE',
      `the saved model has a candidate "${candidate.name}", which is not known here`,
      {
        hint: 'Run the Millrace that saved it or a newer one, or rebuild the pipeline.',
      },
    );
  return await kindOf(kind).load(optionsOf(candidate), task, saved, layout);
}

const RETIRED = 'unknown';

/** A candidate of another Millrace. One that has left the race is only shown. */
function retired(name: string): Candidate {
  const { options, group, cost, protectedUntil, raw, handicap } = candidatesOf('binary')[0]!;
  return { name, kind: RETIRED, options, group, cost, protectedUntil, raw, handicap };
}

function optionsOf({ kind, options }: Candidate): ModelOptions {
  return { ...options, kind };
}

function partsOf(parsed: PortfolioOptions, task: LearnedTask) {
  return {
    task,
    settings: settingsOf(parsed),
    learnsArrivals: parsed.update === 'on_arrival',
    classWeights: parsed.class_weights,
  };
}
