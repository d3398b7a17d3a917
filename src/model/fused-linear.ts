// Rows and a linear learner as one: a row is scored while it is encoded, and an example encoded, summed and learned in one function,
// generated for the columns, the options and the optimizer. What lies between two steps stands in variables then: kept in arrays, and
// passed from call to call, it takes twice as long. What is written here is what encoder and learner do, to the last bit, and they
// do it where code cannot be generated (a test holds the two side by side).

import type { Encoder } from './encoder/encoder.ts';
import { compiled, encodingOf, IS_PLAIN, type RowCodeParts, type RowMemory } from './encoder/row-code.ts';
import type { LinearScore } from './kinds/linear-score.ts';
import type { CodeExpression, Input, LinearLearner } from './learner.ts';
import type { FeatureRow } from './model.ts';
import { MAX_WEIGHT } from './optimizers/optimizer.ts';

/** What the code calls by name: an array, as objects made of different ones have different maps, which would undo V8's code. */
export type Uses = readonly unknown[];
/** Predictions of rows. */
type PredictCode<P> = (rows: readonly FeatureRow[], memory: RowMemory, score: LinearScore, uses: Uses) => P[];
/** Learns an example; `said` is given what the learner would have said of its encoded row before, where there is such an array. */
type LearnCode = (
  row: FeatureRow,
  y: number,
  weight: number,
  memory: RowMemory,
  score: LinearScore,
  uses: Uses,
  input: Input,
  said: Float64Array | undefined,
) => void;

/**
 * V8 does not optimise functions without end. In the code stand numbers that were validated, dimensions, and quoted names; all else it
 * is given.
 */
const MOST_FEATURES = 32;

/** @typeParam P what is made of what the learner says of a row */
export class FusedLinear<P> {
  readonly #score: LinearScore;
  readonly #predictUses: Uses;
  readonly #learnUses: Uses;
  readonly #scoring: RowMemory;
  readonly #learning: RowMemory;
  readonly #input: Input;
  readonly #predict: PredictCode<P>;
  readonly #learn: LearnCode | undefined;
  /** Of the plain numbers, whose weights are read without asking whether they are there. */
  readonly #dimensions: number;
  readonly #said: Float64Array = new Float64Array(1);

  /**
   * Undefined where the learner is not linear, code cannot be generated, or would be too long.
   * @param prediction from `said`, what the learner says, to a P
   */
  static of<P>(
    encoder: Encoder,
    linear: LinearLearner | undefined,
    learnsRows: boolean,
    prediction: CodeExpression,
  ): FusedLinear<P> | undefined {
    if (linear === undefined || encoder.features.length > MOST_FEATURES) return undefined;
    try {
      return new FusedLinear(encoder, linear, learnsRows, prediction);
    } catch {
      // As in `rowCode`.
      return undefined;
    }
  }

  private constructor(encoder: Encoder, linear: LinearLearner, learnsRows: boolean, prediction: CodeExpression) {
    const scoring = encoder.code(false);
    const learning = encoder.code(learnsRows);
    this.#score = linear.score;
    this.#predictUses = usesOf(linear.said, prediction);
    this.#learnUses = usesOf(linear.said, linear.slope);
    this.#scoring = scoring.memory;
    this.#learning = learning.memory;
    this.#input = learning.input;
    this.#dimensions = 1 + Math.max(-1, ...scoring.parts.plain.map((number) => number?.dimension ?? -1));
    const predict = predictCode(scoring.parts, linear, prediction);
    this.#predict = compiled('rows, memory, score, uses', predict) as PredictCode<P>;
    const learn = learnCode(learning.parts, linear);
    if (learn !== undefined)
      this.#learn = compiled('row, y, weight, memory, score, uses, input, into', learn) as LearnCode;
  }

  /** Undefined: the learner must be asked, as it has too few weights yet. */
  predict(rows: readonly FeatureRow[]): P[] | undefined {
    if (this.#score.count < this.#dimensions) return undefined;
    return this.#predict(rows, this.#scoring, this.#score, this.#predictUses);
  }

  /** What the learner would have said of the row, as it was encoded to be learned, if that is asked; false where nothing was learned. */
  learn(row: FeatureRow, y: number, weight: number, asked: boolean): number | boolean {
    if (this.#learn === undefined || this.#score.count < this.#dimensions) return false;
    const said = asked ? this.#said : undefined;
    this.#learn(row, y, weight, this.#learning, this.#score, this.#learnUses, this.#input, said);
    return asked ? this.#said[0]! : true;
  }
}

/** The parameters and what both functions need of them. */
export const OPENING = 'const { moments, indexes, values, other } = memory;';

export function usesOf(one: CodeExpression, other: CodeExpression | undefined): Uses {
  return Object.values({ ...one.uses, ...other?.uses });
}

export function using(one: CodeExpression, other: CodeExpression): string {
  const names = Object.keys({ ...one.uses, ...other.uses });
  return names.map((name, i) => `const ${name} = uses[${i}];`).join(' ');
}

export function present({ absent }: RowCodeParts): string {
  return absent ? '' : 'if (x !== undefined)';
}

function predictCode(parts: RowCodeParts, { said }: LinearLearner, prediction: CodeExpression): string {
  const lines = parts.names.map((name, f) => {
    const number = parts.plain[f];
    const read = `x = row[${JSON.stringify(name)}];`;
    const otherwise = `${present(parts)} {
      n = other(${f}, x, 0);
      for (k = 0; k < n; k++) if (indexes[k] < count) sum += weights[indexes[k]] * values[k];
    }`;
    if (number === undefined) return `${read} ${otherwise}`;
    return `${read} if (${IS_PLAIN}) {
      ${encodingOf(parts, number)} sum += weights[${number.dimension}] * x;
    } else ${otherwise}`;
  });
  return `${OPENING} ${using(said, prediction)}
    const { count, weights } = score, bias = score.biases[0], length = rows.length, predictions = new Array(length);
    let x, m, d, c, e, v, n, k;
    for (let i = 0; i < length; i++) {
      const row = rows[i];
      let sum = 0;
      ${lines.join('\n')}
      const raw = sum + bias, said = ${said.code};
      predictions[i] = ${prediction.code};
    }
    return predictions;`;
}

/**
 * Of code that learns: each feature's value stands in `x${f}` and `p${f}` is true where it is a plain number; the entries of all others
 * are in `indexes` and `values`, from `n${f}` on.
 */
export function encodeLines(parts: RowCodeParts): string[] {
  return parts.names.map((name, f) => {
    const number = parts.plain[f];
    const read = `x = row[${JSON.stringify(name)}]; const n${f} = n;`;
    const otherwise = `${present(parts)} n = other(${f}, x, n);`;
    if (number === undefined) return `${read} ${otherwise}`;
    return `let p${f} = false, x${f} = 0; ${read}
      if (${IS_PLAIN}) { ${encodingOf(parts, number)} p${f} = true; x${f} = x; } else ${otherwise}`;
  });
}

/**
 * Three passes over the features, unrolled: encode, sum, step. A plain number `f` has its value in `x${f}` and its weight in `w${f}`;
 * the entries that `other` made of the others stand in `indexes` and `values`, those of `f` from `n${f}` on.
 */
function learnCode(parts: RowCodeParts, { score, said, slope, squares }: LinearLearner): string | undefined {
  if (slope === undefined) return undefined;
  const { names, plain } = parts;
  const { optimizer, interceptRate } = score;
  const bounded = (target: string) => `if (Math.abs(w) <= ${MAX_WEIGHT}) ${target} = w;`;
  const square = (value: string) => (squares === undefined ? '' : `squares += ${value} * ${value};`);
  const sum = names.map((_, f) => {
    const number = plain[f];
    const end = f + 1 < names.length ? `n${f + 1}` : 'n';
    const otherwise = `for (k = n${f}; k < ${end}; k++) { sum += weights[indexes[k]] * values[k]; ${square('values[k]')} }`;
    if (number === undefined) return otherwise;
    return `if (p${f}) { w${f} = weights[${number.dimension}]; sum += w${f} * x${f}; ${square(`x${f}`)} } else ${otherwise}`;
  });
  const step = plain.map((number, f) =>
    number === undefined
      ? ''
      : `if (p${f}) {
          w = w${f}; g = x${f} * slope; ${optimizer.code.step(number.dimension)} ${bounded(`weights[${number.dimension}]`)}
        }`,
  );
  return `// ${optimizer.name}
    ${OPENING} ${using(said, slope)}
    let n = 0, x, m, d, c, e, v, k, j, w, g, sum = 0, squares = ${squares ?? 0};
    ${encodeLines(parts).join('\n')}
    ${plain.map((number, f) => (number === undefined ? '' : `let w${f} = 0;`)).join(' ')}
    if (n > 0) { input.length = n; score.reserve(input); }
    const { weights, biases, optimizer } = score;
    ${sum.join('\n')}
    const raw = sum + biases[0];
    if (into !== undefined) into[0] = ${said.code};
    const slope = ${slope.code};
    w = biases[0] - ${interceptRate} * slope; ${bounded('biases[0]')}
    optimizer.begin();
    ${optimizer.code.open}
    ${step.join('\n')}
    for (k = 0; k < n; k++) {
      j = indexes[k]; w = weights[j]; g = values[k] * slope; ${optimizer.code.step('j')} ${bounded('weights[j]')}
    }`;
}
