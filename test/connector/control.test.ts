import { expect, test } from 'vitest';
import { decideActions, type KnownPipeline } from '../../src/connector/control.ts';
import type { PipelineDefinition } from '../../src/flow/pipeline.ts';

const definition = (change: Partial<PipelineDefinition> = {}): PipelineDefinition =>
  ({ id: 1, name: 'fraud', generation: 1, revision: 5, desired: 'running', ...change }) as PipelineDefinition;
const known = (phase: KnownPipeline['phase'], change: Partial<PipelineDefinition> = {}): KnownPipeline => ({
  definition: definition(change),
  phase,
});
const kinds = (...args: Parameters<typeof decideActions>): string[] =>
  decideActions(...args).map((action) => action.kind);

test('a pipeline that is not here starts; a higher generation starts over', () => {
  expect(kinds(undefined, definition(), true, false)).toEqual(['start']);
  expect(kinds(known('live'), definition({ generation: 2 }), true, true)).toEqual(['start']);
  expect(kinds(known('live', { generation: 2 }), definition({ generation: 1, revision: 9 }), true, true)).toEqual([]);
});

test('the same row twice asks for nothing the second time', () => {
  expect(kinds(known('live'), definition(), true, true)).toEqual([]);
});

test('a dropped pipeline goes if it is here', () => {
  expect(kinds(known('failed'), definition({ desired: 'dropped' }), true, false)).toEqual(['drop']);
  expect(kinds(undefined, definition({ desired: 'dropped' }), true, false)).toEqual([]);
});

test('pause and resume are carried out once, by the group; a definition is taken up by the pipeline where it stands', () => {
  const paused = definition({ desired: 'paused', revision: 6 });
  expect(kinds(known('live'), paused, true, true)).toEqual(['redefine', 'pause']);
  // Read again for a pipeline that lags behind the group:
  expect(kinds(known('live'), paused, false, true)).toEqual(['redefine']);
  expect(kinds(known('paused', { desired: 'paused' }), definition({ revision: 7 }), true, false)).toEqual(['resume']);
  expect(kinds(undefined, definition(), false, false)).toEqual([]);
});
