// As fused-linear.ts, for learners with several raw scores over the same row, as one for each class or quantile: encoded once, summed
// and stepped for all of them in one generated function. It is made for their number, again where a class is new.

import type { Encoder } from './encoder/encoder.ts';
import { compiled, encodingOf, IS_PLAIN, type RowCodeParts, type RowMemory } from './encoder/row-code.ts';
import { encodeLines, OPENING, present, using, usesOf, type Uses } from './fused-linear.ts';
import type { LinearScore } from './kinds/linear-score.ts';
import type { CodeExpression, Input, LinearLearners } from './learner.ts';
import type { FeatureRow, Prediction } from './model.ts';
import { MAX_WEIGHT } from './optimizers/optimizer.ts';

/** Predictions of rows; `names` are those of the outputs. */
type PredictCode = (
  rows: readonly FeatureRow[],
  memory: RowMemory,
  scores: readonly LinearScore[],
  uses: Uses,
  outputs: Float64Array,
  names: readonly string[],
) => Prediction[];
/** Learns an example; what is said of its encoded row before stands in `outputs` then. */
type LearnCode = (
  row: FeatureRow,
  y: number,
  weight: number,
  memory: RowMemory,
  scores: readonly LinearScore[],
  uses: Uses,
  outputs: Float64Array,
  input: Input,
) => void;

/** Features times scores: V8 does not optimise functions without end. */
const MOST_PRODUCTS = 64;
const MOST_FEATURES = 32;
/** One class alone says nothing; of eight it is no faster, and each that is new has more code generated and compiled anew. */
const FEWEST = 2;
const MOST = 4;

export class FusedScores {
  readonly #learner: LinearLearners;
  readonly #scores: readonly LinearScore[];
  readonly #names: readonly string[];
  readonly #encoder: Encoder;
  readonly #learnsRows: boolean;
  readonly #prediction: CodeExpression;
  readonly #predictUses: Uses;
  readonly #learnUses: Uses;
  readonly #scoring: RowMemory;
  readonly #learning: RowMemory;
  readonly #input: Input;
  /** Of the plain numbers, whose weights are read without asking whether they are there. */
  readonly #dimensions: number;
  #mostScores: number;
  /** Scores that the code is for. */
  #made = 0;
  /** The same, once they can be used with it; -1 before. */
  #count = -1;
  #outputs: Float64Array = new Float64Array(0);
  #predict: PredictCode | undefined;
  #learn: LearnCode | undefined;

  /**
   * Undefined where the learner has no several linear scores, or there would be too much code.
   * @param names of the outputs, by index; they may become more
   * @param prediction from `outputs` and `names` to a prediction
   */
  static of(
    encoder: Encoder,
    learner: LinearLearners | undefined,
    learnsRows: boolean,
    names: readonly string[],
    prediction: CodeExpression,
  ): FusedScores | undefined {
    if (learner === undefined || encoder.features.length > MOST_FEATURES) return undefined;
    // They never become fewer.
    if (learner.scores.length > mostScores(encoder)) return undefined;
    try {
      return new FusedScores(encoder, learner, learnsRows, names, prediction);
    } catch {
      // As in `rowCode`.
      return undefined;
    }
  }

  private constructor(
    encoder: Encoder,
    learner: LinearLearners,
    learnsRows: boolean,
    names: readonly string[],
    prediction: CodeExpression,
  ) {
    const scoring = encoder.code(false);
    const learning = encoder.code(learnsRows);
    this.#encoder = encoder;
    this.#learner = learner;
    this.#scores = learner.scores;
    this.#names = names;
    this.#learnsRows = learnsRows;
    this.#prediction = prediction;
    this.#predictUses = usesOf(learner.said, prediction);
    this.#learnUses = usesOf(learner.said, stepping(learner));
    this.#scoring = scoring.memory;
    this.#learning = learning.memory;
    this.#input = learning.input;
    this.#dimensions = 1 + Math.max(-1, ...scoring.parts.plain.map((number) => number?.dimension ?? -1));
    this.#mostScores = mostScores(encoder);
    // Here, not at the first examples, where most have two; and here it shows whether code can be generated.
    this.#make(Math.min(Math.max(this.#scores.length, FEWEST), this.#mostScores));
  }

  /** Undefined: the learner must be asked. */
  predict(rows: readonly FeatureRow[]): Prediction[] | undefined {
    if (this.#scores.length !== this.#count && !this.#ready()) return undefined;
    return this.#predict!(rows, this.#scoring, this.#scores, this.#predictUses, this.#outputs, this.#names);
  }

  /** What is said of the row before, as it was encoded to be learned; undefined where nothing was learned. */
  learn(row: FeatureRow, y: number, weight: number): Float64Array | undefined {
    if (this.#scores.length !== this.#count && !this.#ready()) return undefined;
    if (this.#learn === undefined || !this.#learner.learns(y, weight)) return undefined;
    this.#learn(row, y, weight, this.#learning, this.#scores, this.#learnUses, this.#outputs, this.#input);
    return this.#outputs;
  }

  /** Whether there is code for all the scores there are, and each has the weights of all plain numbers. */
  #ready(): boolean {
    const { length } = this.#scores;
    if (length < FEWEST || length > this.#mostScores) return false;
    for (let c = 0; c < length; c++) if (this.#scores[c]!.count < this.#dimensions) return false;
    try {
      if (length !== this.#made) this.#make(length);
    } catch {
      // As in `rowCode`.
      this.#mostScores = 0;
      return false;
    }
    this.#count = length;
    return true;
  }

  #make(count: number): void {
    const predict = predictCode(this.#encoder.code(false).parts, this.#learner, count, this.#prediction);
    const learn = learnCode(this.#encoder.code(this.#learnsRows).parts, this.#learner, count);
    this.#predict = compiled('rows, memory, scores, uses, outputs, names', predict) as PredictCode;
    if (learn !== undefined)
      this.#learn = compiled('row, y, weight, memory, scores, uses, outputs, input', learn) as LearnCode;
    this.#outputs = new Float64Array(count);
    this.#made = count;
  }
}

function mostScores(encoder: Encoder): number {
  return Math.min(MOST, Math.floor(MOST_PRODUCTS / encoder.features.length));
}

/** What `learnCode` has of the learner beside what it says. */
function stepping({ before, slope }: LinearLearners): CodeExpression | undefined {
  return slope && { code: slope.code, uses: { ...before?.uses, ...slope.uses } };
}

/** One line for each score. */
function each(count: number, line: (c: number) => string): string {
  return Array.from({ length: count }, (_, c) => line(c)).join(' ');
}

/** The sums `r0`, `r1`, … over the weights in `a0`, `a1`, … of which there are `c0`, `c1`, … */
function predictCode(parts: RowCodeParts, { said }: LinearLearners, count: number, prediction: CodeExpression): string {
  const lines = parts.names.map((name, f) => {
    const number = parts.plain[f];
    const read = `x = row[${JSON.stringify(name)}];`;
    const otherwise = `${present(parts)} {
      n = other(${f}, x, 0);
      for (k = 0; k < n; k++) { j = indexes[k]; v = values[k]; ${each(count, (c) => `if (j < c${c}) r${c} += a${c}[j] * v;`)} }
    }`;
    if (number === undefined) return `${read} ${otherwise}`;
    return `${read} if (${IS_PLAIN}) {
      ${encodingOf(parts, number)} ${each(count, (c) => `r${c} += a${c}[${number.dimension}] * x;`)}
    } else ${otherwise}`;
  });
  return `${OPENING} ${using(said, prediction)}
    ${each(count, (c) => `const s${c} = scores[${c}], a${c} = s${c}.weights, c${c} = s${c}.count, b${c} = s${c}.biases[0];`)}
    const count = ${count}, length = rows.length, predictions = new Array(length);
    let x, m, d, c, e, v, n, k, j;
    for (let i = 0; i < length; i++) {
      const row = rows[i];
      let ${each(count, (c) => `${c === 0 ? '' : ', '}r${c} = 0`)};
      ${lines.join('\n')}
      ${each(count, (c) => `outputs[${c}] = r${c} + b${c};`)}
      ${said.code};
      predictions[i] = ${prediction.code};
    }
    return predictions;`;
}

/** The passes of FusedLinear's code, each for all scores. */
function learnCode(parts: RowCodeParts, learner: LinearLearners, count: number): string | undefined {
  const slope = stepping(learner);
  if (slope === undefined) return undefined;
  const { names, plain } = parts;
  const { said, before } = learner;
  const { optimizer, interceptRate } = learner.like;
  const bounded = (target: string) => `if (Math.abs(w) <= ${MAX_WEIGHT}) ${target} = w;`;
  const sum = names.map((_, f) => {
    const number = plain[f];
    const end = f + 1 < names.length ? `n${f + 1}` : 'n';
    const otherwise = `for (k = n${f}; k < ${end}; k++) {
      j = indexes[k]; v = values[k]; ${each(count, (c) => `r${c} += a${c}[j] * v;`)}
    }`;
    if (number === undefined) return otherwise;
    return `if (p${f}) {
      ${each(count, (c) => `w${f}_${c} = a${c}[${number.dimension}]; r${c} += w${f}_${c} * x${f};`)}
    } else ${otherwise}`;
  });
  const step = (c: number) =>
    plain.map((number, f) =>
      number === undefined
        ? ''
        : `if (p${f}) {
            w = w${f}_${c}; g = x${f} * slope; ${optimizer.code.step(number.dimension)} ${bounded(`weights[${number.dimension}]`)}
          }`,
    );
  const known = plain.map((number, f) =>
    number === undefined ? '' : `let ${each(count, (c) => `${c === 0 ? '' : ', '}w${f}_${c} = 0`)};`,
  );
  return `// ${optimizer.name}
    ${OPENING} ${using(said, slope)}
    const count = ${count};
    let n = 0, x, m, d, c, e, v, k, j, w, g;
    ${encodeLines(parts).join('\n')}
    ${each(count, (c) => `const s${c} = scores[${c}];`)}
    if (n > 0) { input.length = n; ${each(count, (c) => `s${c}.reserve(input);`)} }
    ${each(count, (c) => `const a${c} = s${c}.weights, b${c} = s${c}.biases; let r${c} = 0;`)}
    ${known.join('\n')}
    ${sum.join('\n')}
    ${each(count, (c) => `const raw${c} = outputs[${c}] = r${c} + b${c}[0];`)}
    ${said.code};
    ${before?.code ?? ''}
    ${each(
      count,
      (c) => `{
        const at = ${c}, raw = raw${c}, p = outputs[${c}], slope = ${slope.code};
        const { optimizer } = s${c}, weights = a${c}, biases = b${c};
        w = biases[0] - ${interceptRate} * slope; ${bounded('biases[0]')}
        optimizer.begin();
        ${optimizer.code.open}
        ${step(c).join('\n')}
        for (k = 0; k < n; k++) {
          j = indexes[k]; w = weights[j]; g = values[k] * slope; ${optimizer.code.step('j')} ${bounded('weights[j]')}
        }
      }`,
    )}`;
}
