// What the learner goes by: the definition that it follows, and the options of its model where a retraining has put others in the
// place of those. Saved with its checkpoint, so that no partition that is behind brings a command or options back.

import type { ModelOptions, SinkDefinition } from '../flow/pipeline.ts';
import type { LearnerCheckpoint, StoredVersion, VersionOptions } from '../scores/score-store.ts';
import { splitParts } from './checkpoint-parts.ts';

type Followed = Pick<SinkDefinition, 'revision' | 'model' | 'promote' | 'retrain' | 'refused'>;

interface SavedCourse extends Followed {
  readonly inPlace: VersionOptions | null;
}

export class Course {
  #definition: SinkDefinition;
  /** The model's options, in the place of those that were asked for. */
  #inPlace: VersionOptions | undefined;

  /** @param definition of a partition: perhaps an older one than was followed */
  constructor(definition: SinkDefinition, checkpoint: LearnerCheckpoint | undefined) {
    this.#definition = definition;
    const saved = checkpoint && splitParts(checkpoint.metrics).course;
    if (saved === undefined) return;
    const { inPlace, ...followed } = JSON.parse(Buffer.from(saved).toString()) as SavedCourse;
    this.#inPlace = inPlace ?? undefined;
    if (definition.revision >= followed.revision) return;
    const { promote: _promote, retrain: _retrain, refused: _refused, ...rest } = definition;
    this.#definition = { ...rest, ...followed };
  }

  get definition(): SinkDefinition {
    return this.#definition;
  }

  /**
   * From here on. A retraining that it asks for is yet to be begun: until {@link begun} a checkpoint does not say that this
   * definition was come to, so that after a restart it is.
   */
  follow(asked: SinkDefinition): void {
    const { revision, retrain } = this.#definition;
    if (!asksForMore(asked, this.#definition)) {
      this.#definition = asked;
      return;
    }
    const { retrain: _, ...rest } = asked;
    this.#definition = { ...rest, ...(retrain === undefined ? {} : { retrain }), revision };
  }

  /** @param refused why not, where it could not be */
  begun({ revision, retrain }: SinkDefinition, refused?: SinkDefinition['refused']): void {
    this.#definition = {
      ...this.#definition,
      ...(retrain === undefined ? {} : { retrain }),
      ...(refused === undefined ? {} : { refused }),
      revision,
    };
  }

  /** What the model is loaded with: with other options asked for, nothing stands in their place. */
  get options(): ModelOptions {
    const { model } = this.definition;
    return this.#inPlace?.asked && isSame(this.#inPlace.asked, model) ? this.#inPlace.model : model;
  }

  /** The definition with these. */
  get inForce(): SinkDefinition {
    return { ...this.definition, model: this.options };
  }

  get versionOptions(): VersionOptions {
    const { model } = this.definition;
    return { model: this.options, asked: isSame(this.options, model) ? null : model };
  }

  /** From here on the model has these options, until others are asked for. */
  putInPlace(model: ModelOptions): void {
    this.#inPlace = { model, asked: this.definition.model };
  }

  /** Options that a stored version is loaded with: its own, where nothing else is asked for since. */
  static optionsOf({ options }: StoredVersion, { model }: SinkDefinition): ModelOptions {
    return options !== undefined && isSame(options.asked ?? options.model, model) ? options.model : model;
  }

  /** Undefined where the definition says it all. */
  save(): Uint8Array | undefined {
    const { revision, model, promote, retrain, refused } = this.definition;
    const { asked } = this.versionOptions;
    if (promote === undefined && retrain === undefined && asked === null) return undefined;
    const saved: SavedCourse = {
      revision,
      model,
      ...(promote === undefined ? {} : { promote }),
      ...(retrain === undefined ? {} : { retrain }),
      ...(refused === undefined ? {} : { refused }),
      inPlace: asked === null ? null : { model: this.options, asked },
    };
    return Buffer.from(JSON.stringify(saved));
  }
}

/** Another retraining than the former definition, or the end of one. */
export function asksForMore({ retrain }: SinkDefinition, former: SinkDefinition): boolean {
  return retrain !== undefined && !isSame(retrain, former.retrain);
}

export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
