// Versions of a model and what its watch has noticed, until the batch in hand writes them.

import type { DriftAlarm } from '../model/model.ts';
import type { Drift, ModelVersion } from '../scores/score-store.ts';

export class VersionHistory {
  #version = 0;
  /** An alarm has made a version since the last one by count: further ones make none, or they would push all others out. */
  #alarmed = false;
  #versions: ModelVersion[] = [];
  #drift: Drift[] = [];

  /** The last one's number. */
  get version(): number {
    return this.#version;
  }

  get alarmed(): boolean {
    return this.#alarmed;
  }

  /** Something is to be written with a batch; without one it comes about again at the next start. */
  get waits(): boolean {
    return this.#versions.length > 0 || this.#drift.length > 0;
  }

  restore(version: number, alarmed: boolean): void {
    this.#version = version;
    this.#alarmed = alarmed;
  }

  /**
   * What was noticed is written with the batch; learned again from an older state it is noticed again, by the same example. Gives the
   * reason for a version: the model has become another, or this is the first alarm since the last version by count.
   */
  noticed(alarms: readonly DriftAlarm[], seen: Pick<Drift, 'partition' | 'at' | 'noticedAtUs'>): string | undefined {
    for (const alarm of alarms) this.#drift.push({ ...alarm, ...seen, modelVersion: this.#version });
    if (this.#alarmed && alarms.every(({ action }) => action === 'alarm')) return undefined;
    this.#alarmed = true;
    return `drift: ${[...new Set(alarms.map(({ signal }) => signal))].join(', ')}`;
  }

  /** A version by count is next. */
  counted(): void {
    this.#alarmed = false;
  }

  /** @param make gives the next version, by its number */
  add(make: (version: number) => ModelVersion): void {
    this.#version += 1;
    this.#versions.push(make(this.#version));
  }

  take(): { readonly versions: readonly ModelVersion[]; readonly drift: readonly Drift[] } {
    const taken = { versions: this.#versions, drift: this.#drift };
    this.#versions = [];
    this.#drift = [];
    return taken;
  }
}
