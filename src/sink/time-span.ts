// From the earliest to the latest event time of what is measured.

export interface SavedSpan {
  readonly fromUs: number | null;
  readonly toUs: number | null;
}

export class TimeSpan {
  #fromUs: number | null;
  #toUs: number | null;

  constructor(saved?: SavedSpan) {
    this.#fromUs = saved?.fromUs ?? null;
    this.#toUs = saved?.toUs ?? null;
  }

  /** Null: it has no time. */
  include(timeUs: number | null): void {
    if (timeUs === null) return;
    this.#fromUs = Math.min(this.#fromUs ?? Infinity, timeUs);
    this.#toUs = Math.max(this.#toUs ?? -Infinity, timeUs);
  }

  save(): SavedSpan {
    return { fromUs: this.#fromUs, toUs: this.#toUs };
  }
}
