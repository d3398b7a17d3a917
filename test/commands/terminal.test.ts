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

test('text is broken at spaces; a word that is too long stays whole', () => {
  expect(wrap('one two three', 7)).toBe('one two\n  three');
  expect(wrap('  hint a statement', 8)).toBe('  hint a\n  statement');
  expect(wrap('postgres://somewhere/database', 8)).toBe('postgres://somewhere/database');
  expect(wrap('one two', Infinity)).toBe('one two');
});
