// How long state must keep a driving row so that later rows can be computed (docs/correctness.md, rule B, "State keeps…").

import type { SqlValue } from '../../flow/types/sql-value.ts';
import type { ViewPlan, WindowCall } from '../view-plan.ts';
import { longestUs } from './range-bound.ts';

/** Rows that lag and ROWS n keep beyond n, so that a few late or deleted rows do no harm. */
const SPARE_ROWS = 16;

export interface Retention {
  /** How far the widest RANGE interval reaches, microseconds. Infinity: every live row is counted for ever. */
  readonly windowUs: number;
  /** For each window group, how many of a partition's last rows are kept whatever their age. */
  readonly lastRows: readonly number[];
}

export function retentionOf(plan: ViewPlan): Retention {
  let windowUs = 0;
  const lastRows = plan.windowGroups.map(() => 0);
  for (const call of plan.windowCalls) {
    const reach = reachOf(call);
    if (reach.rows > 0) lastRows[call.group] = Math.max(lastRows[call.group]!, reach.rows + SPARE_ROWS);
    windowUs = Math.max(windowUs, reach.us);
  }
  return { windowUs, lastRows };
}

function reachOf(call: WindowCall): { readonly us: number; readonly rows: number } {
  if (call.name === 'row_number' || call.name === 'rank' || call.name === 'dense_rank')
    return { us: Infinity, rows: 0 };
  if (call.name === 'lag') {
    const offset = call.args[1] === undefined ? 1 : constant(call.args[1].evaluate);
    return offset === undefined ? { us: Infinity, rows: 0 } : { us: 0, rows: Math.max(1, offset) };
  }
  const { start } = call.frame;
  switch (start.kind) {
    case 'unbounded':
      return { us: Infinity, rows: 0 };
    case 'current':
      return { us: 0, rows: 0 };
    case 'rows':
      return { us: 0, rows: Math.max(1, start.preceding) };
    case 'range':
      return { us: longestUs(start.type.oid, start.preceding) ?? Infinity, rows: 0 };
  }
}

/** The value of an expression that reads no column; undefined for one that does. */
function constant(evaluate: (slots: readonly SqlValue[]) => SqlValue): number | undefined {
  const readsColumn = new Proxy([], {
    get() {
      throw new TypeError('not a constant');
    },
  });
  try {
    const value = evaluate(readsColumn);
    return value === null ? 0 : Number(value);
  } catch {
    return undefined;
  }
}
