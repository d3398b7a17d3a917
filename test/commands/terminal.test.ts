// What fits on a terminal, and what is left out where it does not.

import { expect, test } from 'vitest';
import type { PipelineStatusRow } from '../../src/catalog/status.ts';
import { drawStatus } from '../../src/commands/status.ts';
import { visibleWidth, wrap } from '../../src/terminal/screen.ts';

const ROW: PipelineStatusRow = {
  pipeline: 'fraud',
  pipelineId: 1,
  state: 'running',
  reason: null,
  hint: null,
  desired: 'running',
  generation: 1,
  backfillDone: null,
  backfillTotal: null,
  lagBytes: 0,
  lagMs: 0,
  lagRecords: 0,
  rowsPerSecond: 4404,
  scoresPerSecond: 4404,
  retainedWalBytes: 0,
  walBudgetBytes: null,
  walBudgetLeft: null,
  deadLetters: 0,
  stateKeys: 17_380,
  stateBytes: 9_320_000,
  connectorSeenAt: null,
  sinkSeenAt: null,
  retraining: null,
};

test('a narrow terminal loses whole columns of the status, never a part of a figure', () => {
  expect(drawStatus([ROW])).toContain('17,380');
  for (const width of [100, 80, 60]) {
    const lines = drawStatus([ROW], width).split('\n');
    expect(Math.max(...lines.map(visibleWidth))).toBeLessThanOrEqual(width);
    expect(lines[0]).toContain('dead letters');
  }
  expect(drawStatus([ROW], 80)).not.toContain('17,');
});

test('reason and hint are shown whole, and rows that could not be computed with where they stand', () => {
  const hint =
    'Give it a primary key, or run: alter table public.tagged replica identity full; then rebuild the pipeline.';
  const drawn = drawStatus([{ ...ROW, state: 'failed', reason: 'it has no identity', hint, deadLetters: 3 }], 60);
  expect(Math.max(...drawn.split('\n').slice(2).map(visibleWidth))).toBeLessThanOrEqual(60);
  expect(drawn.replaceAll(/\s+/g, ' ')).toContain(hint);
  expect(drawn).toContain(`millrace.dead_letters`);
});

test('a model that is retrained is shown with how far it is', () => {
  const begun = {
    ...{ command: 7, state: 'training' as const, examples: 20_000, trained: 1_500, judged: 0, patience: 5_000 },
    ...{ loss: null, servingLoss: null },
  };
  const shown = (retraining: PipelineStatusRow['retraining']): string | undefined =>
    drawStatus([{ ...ROW, retraining }])
      .split('\n')
      .at(-1)!
      .split(': ')
      .slice(1)
      .join(': ');
  expect(shown(begun)).toBe('retraining 7, 1,500 of 20,000 stored examples learned');
  expect(shown({ ...begun, state: 'comparing', judged: 230, loss: 0.1, servingLoss: 1 / 3 })).toBe(
    `retraining 7, compared on 230 of at most 5,000 examples: loss 0.1000, the serving model's 0.3333`,
  );
  expect(drawStatus([ROW])).not.toContain('retraining');
});

test('text is broken at spaces; a word that is too long stays whole', () => {
  expect(wrap('one two three', 7)).toBe('one two\n  three');
  expect(wrap('  hint a statement', 8)).toBe('  hint a\n  statement');
  expect(wrap('postgres://somewhere/database', 8)).toBe('postgres://somewhere/database');
  expect(wrap('one two', Infinity)).toBe('one two');
});
