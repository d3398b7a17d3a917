// A goal in alert_when is refused where it is written, by the rules that the sink has.

import { expect, test } from 'vitest';
import type { SinkDefinition } from '../../src/flow/pipeline.ts';
import type { MillraceError } from '../../src/runtime/errors.ts';
import { alertGoalOf } from '../../src/sink/alert-goal.ts';
import { definition } from '../sink/history.ts';
import { openShop } from './shop.ts';

const GOALS = [
  'precision >= 0.9',
  ' Recall>=.5',
  'precision >= 1',
  'recall > 0.5',
  'precision >= 90%',
  'alerts_per_day <= 50',
  'alerts_per_day <= 0',
  'alerts_per_day <= 4097',
  'alerts_per_day <= 2.5',
  'alerts_per_day >= 5',
  'ALERT_SHARE <= 0.01',
  'alert_share <= 0.5',
  'alert_share <= 0.51',
  'alert_share <= 0.00001',
  'alert_share <= 1%',
  'alert_share < 0.01',
  'alert_share <= 0.01 and amount > 3',
  'score > 0.9',
];

const BOOLEAN = { name: 'label', typeOid: 16, type: 'boolean' };
const NUMBER = { name: 'label', typeOid: 1700, type: 'numeric' };

/** Message and hint with which the sink refuses it; undefined: it does not. */
function refusedBySink(change: Partial<SinkDefinition>): { message: string; hint: string | undefined } | undefined {
  try {
    alertGoalOf({ ...definition, ...change });
    return undefined;
  } catch (error) {
    const { message, hint } = error as MillraceError;
    return { message, hint };
  }
}

test.each([
  ['a boolean label', 'fraud_labels', BOOLEAN, 'logistic'],
  ['a number as the label', 'amounts', NUMBER, 'linear'],
  ['no label', undefined, undefined, 'half_space_trees'],
  ['no model', undefined, undefined, 'none'],
] as const)(
  'with %s alter_pipeline refuses the goals that the sink refuses, in its words',
  async (_, labels, label, kind) => {
    await using shop = await openShop();
    await shop.query(`create view amounts as select id, 1.5 as label from payments`);
    await shop.query(
      `select millrace.create_pipeline('fraud', 'fraud_features', model => '{"kind": "${kind}"}' ${labels ? `, labels => '${labels}'` : ''})`,
    );
    let refused = 0;
    for (const goal of GOALS) {
      const alter = `select millrace.alter_pipeline('fraud', alert_when => $goal$${goal}$goal$)`;
      const expected = refusedBySink({ alertWhen: goal.trim(), label, model: { kind } });
      if (expected === undefined) await shop.query(alter);
      else expect(await shop.refusal(alter), goal).toEqual(expected);
      refused += expected === undefined ? 0 : 1;
    }
    expect(refused).toBeGreaterThan(9);
    expect(refused).toBeLessThan(GOALS.length);
  },
);

test('create_pipeline refuses a goal that cannot be, and takes one that is a column as a condition', async () => {
  await using shop = await openShop();
  const create = (view: string): string =>
    `select millrace.create_pipeline('fraud', '${view}', labels => 'fraud_labels', alert_when => 'alert_share <= 7')`;
  expect(await shop.refusal(create('fraud_features'))).toEqual({
    message: 'alert_when (alert_share <= 7) cannot be used: it is a share of the rows from 0.0001 to 0.5, with <=',
    hint: "For example: alert_when => 'alert_share <= 0.01' for the highest 1 % of the scores.",
  });
  await shop.query(`create view shares as select id, amount as alert_share from payments`);
  await shop.query(create('shares'));
});

test('a pipeline whose goal became impossible can still be altered otherwise', async () => {
  await using shop = await openShop();
  await shop.query(
    `select millrace.create_pipeline('fraud', 'fraud_features', event_time => 'created_at', labels => 'fraud_labels', alert_when => 'precision >= 0.9');
     alter table millrace._pipelines disable trigger judge_alert_when;
     update millrace._pipelines set alert_when = 'precision >= 9';
     alter table millrace._pipelines enable trigger judge_alert_when`,
  );
  await shop.query(`select millrace.alter_pipeline('fraud', keep_scores_for => '1 year')`);
});
