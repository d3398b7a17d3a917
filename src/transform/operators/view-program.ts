// The expressions of a feature view over one row: WHERE, windows, laterals, outputs; and the features as JSON text.

import type { FeaturesEmission, KeyText } from '../../flow/record.ts';
import { jsonPrinterOf, printerOf, type Print } from '../../flow/types/sql-text.ts';
import type { SqlValue } from '../../flow/types/sql-value.ts';
import type { Evaluate, PlanTable, ViewPlan } from '../view-plan.ts';
import type { DrivingRow } from './driving-row.ts';
import { instantOf } from './event-time.ts';
import { LateralIndex } from './lateral-index.ts';
import { retentionOf } from './retention.ts';
import { keyTextOf, type Slots } from './table-reader.ts';
import { WindowGroup } from './window-group.ts';

interface Output {
  readonly evaluate: Evaluate;
  readonly print: Print;
}

export class ViewProgram {
  readonly groups: readonly WindowGroup<DrivingRow>[];
  readonly laterals: readonly LateralIndex[];
  /** How far the widest RANGE interval reaches; Infinity where every row is kept. */
  readonly windowUs: number;
  readonly #plan: ViewPlan;
  readonly #key: readonly { readonly evaluate: Evaluate; readonly print: Print }[];
  readonly #outputs: readonly Output[];
  /** The features as JSON, in pieces: every other one is an output's text. */
  readonly #texts: string[];
  readonly #lateralSlots: readonly number[];
  readonly #timePrint: Print | undefined;
  readonly #instant: (value: SqlValue) => number | null;
  /** One row's slots at a time: columns, window calls, lateral outputs. */
  readonly #slots: SqlValue[];

  constructor(plan: ViewPlan, timezone: string) {
    this.#plan = plan;
    const columns = plan.driving.columns.length;
    const retention = retentionOf(plan);
    this.windowUs = retention.windowUs;
    this.groups = plan.windowGroups.map((group, index) => {
      const calls = plan.windowCalls.flatMap((call, place) =>
        call.group === index ? [{ call, slot: columns + place }] : [],
      );
      return new WindowGroup<DrivingRow>(index, group, calls, { timezone, lastRows: retention.lastRows[index]! });
    });
    this.laterals = plan.laterals.map((lateral, index) => new LateralIndex(index, lateral, timezone));
    let slot = columns + plan.windowCalls.length;
    this.#lateralSlots = plan.laterals.map(({ outputs }) => {
      const first = slot;
      slot += outputs.length;
      return first;
    });
    this.#slots = new Array<SqlValue>(slot).fill(null);
    this.#key = plan.key.map(({ expression }) => ({
      evaluate: expression.evaluate,
      print: printerOf(expression.type.oid, timezone),
    }));
    this.#texts = plan.features.flatMap(({ name }, index) => [
      `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
      '',
    ]);
    this.#texts.push(plan.features.length === 0 ? '{}' : '}');
    this.#outputs = plan.features.map(({ expression }) => ({
      evaluate: expression.evaluate,
      print: jsonPrinterOf(expression.type.oid, timezone),
    }));
    const time = plan.eventTime?.expression.type.oid;
    this.#timePrint = time === undefined ? undefined : printerOf(time, timezone);
    this.#instant = time === undefined ? () => null : instantOf(time, timezone);
  }

  /** Undefined where a key column is NULL. */
  keyOf(slots: Slots): KeyText | undefined {
    return keyTextOf(this.#key, slots);
  }

  eventTimeUs(slots: Slots): number | null {
    const { eventTime } = this.#plan;
    return eventTime === undefined ? null : this.#instant(eventTime.expression.evaluate(slots));
  }

  /** Whether WHERE is true, and then its place in every window. Raises what the view's expressions raise. */
  place(row: DrivingRow, own: Slots, pushedOut: DrivingRow[]): boolean {
    const slots = this.#fill(own);
    const { where } = this.#plan;
    if (where !== undefined && where.evaluate(slots) !== true) return false;
    for (const group of this.groups) {
      const out = group.place(row, slots);
      if (out !== undefined) pushedOut.push(out);
    }
    return true;
  }

  unplace(row: DrivingRow): void {
    for (const group of this.groups) group.unplace(row);
  }

  /** The features of a row that is in the view. Raises what the view's expressions raise. */
  compute(row: DrivingRow, own: Slots): FeaturesEmission {
    const slots = this.#fill(own);
    let late = false;
    for (const group of this.groups) if (group.compute(row, slots)) late = true;
    // Joined, not added up: a string that is added up is a tree of its pieces, four times as large until somebody reads it.
    const texts = this.#texts;
    for (let index = 0; index < this.#outputs.length; index++) {
      const { evaluate, print } = this.#outputs[index]!;
      const value = evaluate(slots);
      texts[2 * index + 1] = value === null ? 'null' : print(value);
    }
    const time = this.#plan.eventTime?.expression.evaluate(slots) ?? null;
    return {
      kind: 'features',
      key: row.key,
      eventTime: time === null ? null : this.#timePrint!(time),
      eventTimeUs: this.#instant(time),
      features: texts.join(''),
      late,
    };
  }

  #fill(own: Slots): SqlValue[] {
    const slots = this.#slots;
    for (let index = 0; index < own.length; index++) slots[index] = own[index]!;
    for (let index = 0; index < this.laterals.length; index++) {
      this.laterals[index]!.compute(slots, this.#lateralSlots[index]!);
    }
    return slots;
  }
}

/** Where the key's columns stand in the table, in the key's order; undefined where one is not a plain column. */
export function keyColumnsOf(plan: ViewPlan): number[] | undefined {
  const table: PlanTable = plan.driving;
  // A plain column gives back whatever stands in its slot.
  const probe: SqlValue[] = table.columns.map((_, index) => `\u0000column ${index}`);
  const columns: number[] = [];
  for (const { expression } of plan.key) {
    let value: SqlValue;
    try {
      value = expression.evaluate(probe);
    } catch {
      return undefined;
    }
    const column = probe.indexOf(value);
    if (column < 0) return undefined;
    columns.push(column);
  }
  return columns;
}
