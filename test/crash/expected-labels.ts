// What a history of labels must come to, told once more from its transactions alone (docs/correctness.md, rules B and C): how
// many examples, how many outcomes, how many rows measured. Knows no LSN, batch or process.

import type { HistoryTransaction } from './history.ts';

/** A thousandth of the label wait, as that is above 10 s. */
const STEPS_A_WAIT = 1000;

export interface ExpectedLabels {
  /** Labels to learn: new ones, changed ones, defaults. */
  readonly examples: number;
  /** The same, and those withdrawn. */
  readonly outcomes: number;
  /** Rows that have a measured label at the end, also those deleted since. */
  readonly measured: number;
}

interface Row {
  createdUs: number;
  label: string | undefined;
}

export function expectLabels(history: readonly HistoryTransaction[], labelWaitUs: number): ExpectedLabels {
  const rows = new Map<number, Row>();
  const labels = new Map<number, { label: string; measured: boolean }>();
  const counted = new Set<number>();
  let clockUs = -Infinity;
  let step = -Infinity;
  let examples = 0;
  let outcomes = 0;
  const measure = (id: number, label: string | undefined): void => {
    outcomes += 1;
    if (label === undefined) counted.delete(id);
    else counted.add(id);
  };
  const meet = (id: number, row: Row, label: string | undefined): void => {
    if (row.label === label) return;
    row.label = label;
    measure(id, label);
    if (label !== undefined) examples += 1;
  };
  for (const transaction of history) {
    for (const { createdUs } of transaction.payments) clockUs = Math.max(clockUs, createdUs ?? -Infinity);
    const now = Math.floor(clockUs / (labelWaitUs / STEPS_A_WAIT));
    if (now > step) {
      step = now;
      for (const [id, row] of rows)
        if (row.label === undefined && row.createdUs + labelWaitUs <= clockUs) meet(id, row, 'false');
    }
    for (const { paymentId: id, fraud } of transaction.labels) {
      const row = rows.get(id);
      const known = labels.get(id);
      const label = fraud === undefined ? undefined : String(fraud);
      if (label === undefined) labels.delete(id);
      else labels.set(id, { label, measured: row !== undefined || known?.measured === true });
      if (row) meet(id, row, label);
      else if (known?.measured === true && known.label !== label) measure(id, label);
    }
    for (const { id, createdUs } of transaction.payments) {
      const row = rows.get(id);
      if (createdUs === undefined) rows.delete(id);
      else if (row) row.createdUs = createdUs;
      else {
        const fresh: Row = { createdUs, label: undefined };
        rows.set(id, fresh);
        const known = labels.get(id);
        if (known) meet(id, fresh, known.label);
        if (known) known.measured = true;
      }
    }
  }
  return { examples, outcomes, measured: counted.size };
}
