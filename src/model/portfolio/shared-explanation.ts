// One explanation of what several candidates say together: each one's own, in the same terms, by its say.

import { FeatureParts, greatest } from '../explanation.ts';
import type { Explanation, FeatureRow, LearnedTask } from '../model.ts';
import { logOddsOf, MOST_LOG_ODDS } from './calibration.ts';
import type { Losses } from './losses.ts';
import type { Team } from './team.ts';

interface Parts {
  readonly bias: number;
  readonly contributions: Float64Array;
}

/** With the bias contributions sum to the raw score: log-odds, a number, or what the one that serves classes sums to. */
export function explainTogether(
  team: Team,
  row: FeatureRow,
  task: LearnedTask,
  { weights, losses, top }: { readonly weights: Float64Array; readonly losses: Losses; readonly top: number },
): Explanation {
  // Those of the first squad are all there are: texts are read by vectors alone.
  const found = new FeatureParts(team.squads[0]?.encoder.features ?? [], row);
  let bias = 0;
  for (const { encoder, members } of team.squads) {
    for (const { index, learner } of members) {
      const weight = weights[index]!;
      if (weight === 0) continue;
      const input = encoder.encode(row, false);
      const own = learner.explain(input);
      const { slope, offset } = task === 'binary' ? losses.calibrations[index]! : { slope: 1, offset: 0 };
      const parts =
        task !== 'binary' ? own : team.candidates[index]!.raw === 'probability' ? ofProbability(own) : limited(own);
      found.add(encoder, input, parts.contributions, weight * slope);
      bias += weight * (slope * parts.bias + offset);
    }
  }
  bias += team.featurelessPart(weights);
  return { bias, contributions: greatest(found.all, top) };
}

function sumOf({ bias, contributions }: Parts): number {
  return contributions.reduce((sum, part) => sum + part, bias);
}

/** Shares of a probability as shares of its log-odds: each keeps its share of the way from the bias. */
function ofProbability(parts: Parts): Parts {
  const probability = sumOf(parts);
  const [from, to] = [logOddsOf(parts.bias), logOddsOf(probability)];
  const way = probability - parts.bias;
  if (Math.abs(way) < 1e-12) return { bias: to, contributions: new Float64Array(parts.contributions.length) };
  return { bias: from, contributions: parts.contributions.map((part) => (part * (to - from)) / way) };
}

/** Log-odds end at ±{@link MOST_LOG_ODDS}: beyond, all parts shrink alike. */
function limited(parts: Parts): Parts {
  const sum = sumOf(parts);
  if (Math.abs(sum) <= MOST_LOG_ODDS) return parts;
  const factor = MOST_LOG_ODDS / Math.abs(sum);
  return { bias: parts.bias * factor, contributions: parts.contributions.map((part) => part * factor) };
}
