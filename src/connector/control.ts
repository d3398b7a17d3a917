// Definitions and commands are rows of one table, and reach the connector through the WAL like any other change: so they take
// effect at their commit, at the same place after any restart. Each row has all that is to be known of its pipeline.

import { parsePipelineRow } from '../catalog/pipeline-row.ts';
import type { Cell, Change, Relation, Row } from '../flow/change.ts';
import type { PipelineDefinition, TableName } from '../flow/pipeline.ts';

export type ControlAction =
  /** No such generation here yet: (re)start from the tables. */
  | { readonly kind: 'start'; readonly definition: PipelineDefinition }
  | { readonly kind: 'drop'; readonly pipelineId: number }
  | { readonly kind: 'pause' | 'resume'; readonly definition: PipelineDefinition }
  | { readonly kind: 'redefine'; readonly definition: PipelineDefinition };

/** What is known of a pipeline that is here. */
export interface KnownPipeline {
  readonly definition: PipelineDefinition;
  readonly phase: 'claimed' | 'live' | 'paused' | 'failed';
}

/**
 * What a row of the control table asks for, given what is here.
 * @param fresh the group has not carried this commit out yet; when a stream is replayed for one pipeline it has
 * @param wanted the pipeline itself has not applied this commit yet: its definition changes at the same place again
 */
export function decideActions(
  known: KnownPipeline | undefined,
  definition: PipelineDefinition,
  fresh: boolean,
  wanted: boolean,
): ControlAction[] {
  if (fresh && definition.desired === 'dropped') return known ? [{ kind: 'drop', pipelineId: definition.id }] : [];
  if (!known || definition.generation > known.definition.generation)
    return fresh ? [{ kind: 'start', definition }] : [];
  if (definition.generation < known.definition.generation || definition.revision <= known.definition.revision)
    return [];
  // Its snapshot was cut off and a new generation is asked for: what stands here must never go on.
  if (known.phase === 'claimed') return [];
  const actions: ControlAction[] = [];
  if (wanted) actions.push({ kind: 'redefine', definition });
  if (fresh && definition.desired === 'paused' && known.phase === 'live') actions.push({ kind: 'pause', definition });
  if (fresh && definition.desired === 'running' && known.phase !== 'live') actions.push({ kind: 'resume', definition });
  return actions;
}

/** Gathers the control rows of one transaction: the last state of each pipeline counts. */
export class ControlChanges {
  readonly #table: TableName;
  #definitions = new Map<number, PipelineDefinition>();

  constructor(table: TableName) {
    this.#table = table;
  }

  /** True when the change was one of ours. */
  take(change: Change): boolean {
    if (change.kind === 'truncate' || !this.#isOurs(change.relation)) return false;
    if (change.new) {
      const definition = parsePipelineRow(cellsByName(change.relation, change.new));
      this.#definitions.set(definition.id, definition);
    }
    return true;
  }

  /** In the order of their ids; and forgets them. */
  takeAll(): PipelineDefinition[] {
    const all = [...this.#definitions.values()].sort((a, b) => a.id - b.id);
    this.#definitions = new Map();
    return all;
  }

  #isOurs(relation: Relation): boolean {
    return relation.schema === this.#table.schema && relation.name === this.#table.name;
  }
}

/** Columns of a row by name. */
export function cellsByName(relation: Pick<Relation, 'columns'>, row: Row): Record<string, Cell> {
  return Object.fromEntries(relation.columns.map((column, index) => [column.name, row[index]]));
}
