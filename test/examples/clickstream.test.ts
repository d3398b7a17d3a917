import { expect, test } from 'vitest';
import { runExample } from '../support/example.ts';

interface Figures {
  readonly pages: number;
  readonly measured: number;
  readonly share_true: number;
  readonly roc_auc: { readonly model: number; readonly best: number };
  readonly log_loss: { readonly model: number; readonly best: number; readonly share: number };
}

test('the clickstream example says at each page how a visit will end, from what visitors did before', async () => {
  await using example = await runExample('clickstream');
  const { pages, measured, share_true, roc_auc, log_loss } = example.figures as Figures;
  expect(pages).toBe(23_347);
  expect(measured).toBeGreaterThan(3_300);
  expect(share_true).toBeGreaterThan(0.17);
  expect(share_true).toBeLessThan(0.23);
  expect(roc_auc.best).toBeLessThan(0.88);
  expect(roc_auc.model).toBeGreaterThan(0.79);
  expect(roc_auc.model).toBeLessThan(roc_auc.best);
  // More than half of what can be known is.
  expect(log_loss.share - log_loss.model).toBeGreaterThan(0.6 * (log_loss.share - log_loss.best));
  expect(log_loss.model).toBeGreaterThan(log_loss.best);
  const [visits] = await example.database.query(
    `select count(*)::int as visits, bool_and((s.features ->> 'pages')::int = v.pages) as current,
            count(*) filter (where s.label = 'true')::int = (select count(*)::int from purchases) as bought
       from conversion_scores s join visits v using (visit)`,
  );
  expect(visits).toEqual({ visits: 5_000, current: true, bought: true });
}, 300_000);
