// The keys that one transaction touched, in the order of their last change. Behind an interface, so that those of a transaction
// larger than memory can be kept elsewhere.

import type { DeadLetterEmission, KeyText } from '../../flow/record.ts';
import type { DrivingRow } from './driving-row.ts';

/** What one transaction did to one key. */
export interface Touch {
  /** Undefined: the row is gone. */
  readonly row: DrivingRow | undefined;
  /** Something stood for this key before the transaction. */
  readonly before: boolean;
  /** The row could not even be read. */
  readonly deadLetter: DeadLetterEmission | undefined;
}

export interface TouchedKeys {
  /** The key's last change goes to the end; that something stood before is as its first change said. */
  touch(key: KeyText, change: Touch): void;
  rowOf(key: KeyText): DrivingRow | undefined;
  entries(): Iterable<readonly [key: KeyText, touch: Touch]>;
  touches(): Iterable<Touch>;
  clear(): void;
}

export class TouchedInMemory implements TouchedKeys {
  readonly #touches = new Map<KeyText, Touch>();

  touch(key: KeyText, change: Touch): void {
    const earlier = this.#touches.get(key);
    if (earlier) this.#touches.delete(key);
    this.#touches.set(
      key,
      earlier && earlier.before !== change.before ? { ...change, before: earlier.before } : change,
    );
  }
  rowOf(key: KeyText): DrivingRow | undefined {
    return this.#touches.get(key)?.row;
  }
  entries(): Iterable<readonly [key: KeyText, touch: Touch]> {
    return this.#touches;
  }
  touches(): Iterable<Touch> {
    return this.#touches.values();
  }
  clear(): void {
    this.#touches.clear();
  }
}
