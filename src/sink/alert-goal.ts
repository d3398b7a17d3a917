// `alert_when` as a goal: `precision >= 0.9`, `recall >= 0.8`, `alerts_per_day <= 50`, `alert_share <= 0.01`. Anything else is a condition, and so is
// one of these where the view has a column of that name.

import type { SinkDefinition } from '../flow/pipeline.ts';
import { MOST_PER_DAY } from '../model/alerts/daily-budget.ts';
import type { OutcomeGoal } from '../model/alerts/outcome-threshold.ts';
import { LEAST_SHARE } from '../model/alerts/share-threshold.ts';
import { MillraceError } from '../runtime/errors.ts';

/** The rows alone decide; the others need labels. */
export interface RowGoal {
  readonly kind: 'alerts_per_day' | 'alert_share';
  readonly atMost: number;
}

export type AlertGoal = OutcomeGoal | RowGoal;

const FORM = /^\s*(precision|recall|alerts_per_day|alert_share)\s*(>=|<=|<>|!=|>|<|=)\s*(\S+)\s*$/i;
const BOOLEAN = 16;
const MOST_SHARE = 0.5;

/** Undefined where `alert_when` is a condition, or is not there. Throws SQL_INVALID with what a goal may be. Pure. */
export function alertGoalOf(definition: SinkDefinition): AlertGoal | undefined {
  const parts = FORM.exec(definition.alertWhen ?? '');
  if (parts === null) return undefined;
  const kind = parts[1]!.toLowerCase() as AlertGoal['kind'];
  const isColumn = ['score', 'prediction', ...definition.features.map(({ name }) => name)];
  if (isColumn.includes(kind)) return undefined;
  const refuse = (why: string, hint: string): never => {
    throw new MillraceError('SQL_INVALID', `alert_when (${definition.alertWhen}) cannot be used: ${why}`, { hint });
  };
  const [sign, number] = [parts[2]!, /^(\d+\.?\d*|\.\d+)$/.test(parts[3]!) ? Number(parts[3]) : Number.NaN];
  if (definition.model['kind'] === 'none') refuse('there is no model', 'Choose another model kind, or a condition.');
  if (kind === 'alerts_per_day') {
    if (sign !== '<=' || !Number.isInteger(number) || number < 1 || number > MOST_PER_DAY)
      refuse(
        `it is a whole number of alerts from 1 to ${MOST_PER_DAY}, with <=`,
        "For example: alert_when => 'alerts_per_day <= 50'.",
      );
    return { kind, atMost: number };
  }
  if (kind === 'alert_share') {
    if (sign !== '<=' || !(number >= LEAST_SHARE && number <= MOST_SHARE))
      refuse(
        `it is a share of the rows from ${LEAST_SHARE} to ${MOST_SHARE}, with <=`,
        "For example: alert_when => 'alert_share <= 0.01' for the highest 1 % of the scores.",
      );
    return { kind, atMost: number };
  }
  if (sign !== '>=' || !(number > 0 && number < 1))
    refuse(`${kind} is a share between 0 and 1, with >=`, `For example: alert_when => '${kind} >= 0.9'.`);
  if (definition.label?.typeOid !== BOOLEAN)
    refuse(
      `${kind} needs a boolean label`,
      'Give the pipeline a label view with a boolean label, or use alerts_per_day <= 50, alert_share <= 0.01 or a condition.',
    );
  return { kind, atLeast: number };
}

/** The same goal: what was learned for one holds for the other. */
export function isSameGoal(a: AlertGoal | undefined, b: AlertGoal | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
