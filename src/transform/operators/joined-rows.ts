// Which driving rows a change of a lateral's table concerns: the driving rows by match key, for those laterals where it matters.

import { MillraceError } from '../../runtime/errors.ts';
import type { DrivingRow } from './driving-row.ts';
import type { LateralIndex } from './lateral-index.ts';
import type { Slots } from './table-reader.ts';

export class JoinedRows {
  readonly #laterals: readonly LateralIndex[];
  /** Undefined where nobody asks. */
  readonly #byKey: readonly (Map<string, Set<DrivingRow>> | undefined)[];

  /** @param asked for each lateral, whether its changes concern driving rows at once */
  constructor(laterals: readonly LateralIndex[], asked: readonly boolean[]) {
    this.#laterals = laterals;
    this.#byKey = asked.map((ask) => (ask ? new Map() : undefined));
  }

  /** Some lateral's changes concern driving rows. */
  get asked(): boolean {
    return this.#byKey.some((byKey) => byKey !== undefined);
  }

  join(row: DrivingRow, slots: Slots): void {
    for (let index = 0; index < this.#byKey.length; index++) {
      const key = this.#keyOf(index, slots);
      if (key === undefined) continue;
      const rows = this.#byKey[index]!.get(key);
      if (rows) rows.add(row);
      else this.#byKey[index]!.set(key, new Set([row]));
    }
  }

  /** Before a row's slots change, or it goes. */
  leave(row: DrivingRow, slots: Slots): void {
    for (let index = 0; index < this.#byKey.length; index++) {
      const key = this.#keyOf(index, slots);
      if (key === undefined) continue;
      const rows = this.#byKey[index]!.get(key);
      rows?.delete(row);
      if (rows?.size === 0) this.#byKey[index]!.delete(key);
    }
  }

  /** By identity: a set remembers the order in which rows came, which a restart forgets. */
  rows(index: number, key: string): readonly DrivingRow[] {
    const rows = this.#byKey[index]?.get(key);
    return rows ? [...rows].sort((a, b) => (a.identity < b.identity ? -1 : 1)) : [];
  }

  clear(): void {
    for (const byKey of this.#byKey) byKey?.clear();
  }

  /** A match that raises joins nothing; computing the row will say so. */
  #keyOf(index: number, slots: Slots): string | undefined {
    if (this.#byKey[index] === undefined) return undefined;
    try {
      return this.#laterals[index]!.matchOf(slots);
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'DATA') throw error;
      return undefined;
    }
  }
}
