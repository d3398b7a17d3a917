// When each label of a backfill comes: at its label_at; without one, when its row's label wait is over; without that, right
// after its row. Labels of rows that never come are given at the end.

import type { KeyText, LabelEmission } from '../flow/record.ts';

interface Scheduled {
  readonly atUs: number;
  /** Order of arrival: breaks ties, so that equal times always come in the same order. */
  readonly order: number;
  readonly label: LabelEmission;
}

export class LabelSchedule {
  readonly #waitUs: number | undefined;
  /** Without a time of their own, until their row passes. */
  readonly #waitingForRow = new Map<KeyText, LabelEmission>();
  readonly #heap: Scheduled[] = [];
  #arrivals = 0;

  constructor(labelWaitUs: number | undefined) {
    this.#waitUs = labelWaitUs;
  }

  add(label: LabelEmission): void {
    if (label.labelAtUs === null) this.#waitingForRow.set(label.key, label);
    else this.#push(label.labelAtUs, label);
  }

  /** A row has been given out: its label, where it is to come right after it. */
  rowPassed(key: KeyText, eventTimeUs: number | null): LabelEmission[] {
    const label = this.#waitingForRow.get(key);
    if (!label) return [];
    this.#waitingForRow.delete(key);
    if (this.#waitUs === undefined || eventTimeUs === null) return [label];
    this.#push(eventTimeUs + this.#waitUs, label);
    return [];
  }

  /** Labels that come at or before a time, in order. */
  *takeUntil(timeUs: number): Iterable<LabelEmission> {
    while (this.#heap.length > 0 && this.#heap[0]!.atUs <= timeUs) yield this.#pop().label;
  }

  /** All that are left: they are true in the snapshot, whatever their time. */
  *takeRest(): Iterable<LabelEmission> {
    yield* this.takeUntil(Infinity);
    yield* this.#waitingForRow.values();
    this.#waitingForRow.clear();
  }

  #push(atUs: number, label: LabelEmission): void {
    const heap = this.#heap;
    heap.push({ atUs, order: this.#arrivals++, label });
    let child = heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (before(heap[parent]!, heap[child]!)) break;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      child = parent;
    }
  }

  #pop(): Scheduled {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    heap[0] = last;
    for (let parent = 0; ;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      let first = parent;
      if (left < heap.length && before(heap[left]!, heap[first]!)) first = left;
      if (right < heap.length && before(heap[right]!, heap[first]!)) first = right;
      if (first === parent) return top;
      [heap[parent], heap[first]] = [heap[first]!, heap[parent]!];
      parent = first;
    }
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.atUs === b.atUs ? a.order < b.order : a.atUs < b.atUs;
}
