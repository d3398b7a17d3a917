// What is judged: a view compiled and opened by the transform, with its state kept as a checkpoint would keep it.

import type pg from 'pg';
import type { PipelineDefinition } from '../../src/flow/pipeline.ts';
import type { Emission } from '../../src/flow/record.ts';
import { openTransform } from '../../src/transform/operators/open-transform.ts';
import type { PipelineTransform, StateReader } from '../../src/transform/pipeline-transform.ts';
import type { PipelinePlan } from '../../src/transform/view-plan.ts';
import { compilePlan, definitionOf, type SubjectOptions } from './plan.ts';
import type { DecodedTransaction } from './session.ts';

/** Compiles, and opens with nothing in state. */
export async function compileSubject(client: pg.Client, options: SubjectOptions): Promise<Subject> {
  const definition = definitionOf(options);
  return new Subject(await compilePlan(client, definition), definition);
}

export class Subject {
  readonly plan: PipelinePlan;
  readonly definition: PipelineDefinition;
  /** What all checkpoints so far have put down. */
  readonly #stored = new Map<string, Map<string, string>>();
  #transform: PipelineTransform;

  constructor(plan: PipelinePlan, definition: PipelineDefinition) {
    this.plan = plan;
    this.definition = definition;
    this.#transform = openTransform({ plan, definition });
  }

  get transform(): PipelineTransform {
    return this.#transform;
  }

  run(transaction: DecodedTransaction): readonly Emission[] {
    this.#transform.begin(transaction.commitTimeUs);
    for (const change of transaction.changes) this.#transform.apply(change);
    return this.#transform.finish();
  }

  /** Takes a checkpoint; entries written. */
  checkpoint(): number {
    let written = 0;
    for (const { space, key, value } of this.#transform.takeDirty()) {
      let entries = this.#stored.get(space);
      if (!entries) this.#stored.set(space, (entries = new Map()));
      if (value === undefined) entries.delete(key);
      else entries.set(key, value);
      written++;
    }
    return written;
  }

  /** Takes a checkpoint, forgets everything else, and opens from it. */
  reopen(): void {
    this.checkpoint();
    const state: StateReader = { entries: (space) => this.#stored.get(space) ?? [] };
    this.#transform = openTransform({ plan: this.plan, definition: this.definition, state });
  }
}
