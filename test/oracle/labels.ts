// Random label views, and their judge: the set of labels that the sink would hold, against the view, after every commit.

import fc from 'fast-check';
import type { Emission, LabelEmission } from '../../src/flow/record.ts';
import { Difference } from './judge.ts';
import type { OracleSession } from './session.ts';
import type { KeyShape } from './tables.ts';
import type { Tally } from './tally.ts';

export interface RandomLabelView {
  readonly query: string;
  readonly key: readonly string[];
  readonly labelAt: boolean;
  readonly weight: boolean;
  readonly timezone: string;
}

const LABELS = [
  'c.fraud',
  'true',
  'c.reason',
  'c.loss',
  'c.grade',
  'c.loss > 1',
  `coalesce(c.reason, 'none')`,
  'c.grade * 2',
];
const CONDITIONS = [
  '',
  '',
  ' where c.fraud',
  ' where c.loss > 0.5',
  ` where c.reason is not null`,
  ' where c.grade between 1 and 2',
];

export function randomLabelView(key: KeyShape): fc.Arbitrary<RandomLabelView> {
  return fc
    .record({
      label: fc.constantFrom(...LABELS),
      condition: fc.constantFrom(...CONDITIONS),
      labelAt: fc.boolean(),
      weight: fc.boolean(),
      own: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
      timezone: fc.constantFrom('UTC', 'America/New_York'),
    })
    .map(({ label, condition, labelAt, weight, own, timezone }) => {
      const names = key.columns.map((c) => c.name);
      const columns = own
        ? [...names.map((name) => `p.${name}`), 'p.outcome as label', ...(labelAt ? ['p.at as label_at'] : [])]
        : [
            ...names.map((name) => `c.payment_${name} as ${name}`),
            `${label} as label`,
            ...(labelAt ? ['c.at as label_at'] : []),
            ...(weight ? ['1 + c.grade as weight'] : []),
          ];
      const from = own ? 'payments p where p.outcome is not null' : `chargebacks c${condition}`;
      return {
        query: `select ${columns.join(', ')} from ${from}`,
        key: names,
        labelAt,
        weight: weight && !own,
        timezone,
      };
    });
}

interface Label {
  readonly label: string | null;
  readonly labelAtUs: number | null;
  readonly weight: number;
}

export class LabelJudge {
  readonly #session: OracleSession;
  readonly #view: RandomLabelView;
  readonly #name: string;
  readonly #tally: Tally;
  readonly #held = new Map<string, Label>();

  constructor(session: OracleSession, view: RandomLabelView, name: string, tally: Tally) {
    this.#session = session;
    this.#view = view;
    this.#name = name;
    this.#tally = tally;
  }

  /** Applies the label emissions to the set and compares it with the view. */
  async judge(emissions: readonly Emission[]): Promise<void> {
    this.#tally.commits++;
    const before = new Map(this.#held);
    const keys = new Set<string>();
    for (const emission of emissions) {
      if (emission.kind !== 'label') continue;
      if (keys.has(emission.key)) this.#fail(`one label emission a key`, emission);
      keys.add(emission.key);
      const held = before.get(emission.key);
      if (emission.label === undefined) {
        if (!held) this.#fail('nothing: there was no label to withdraw', emission);
        this.#held.delete(emission.key);
      } else {
        const { label, labelAtUs, weight } = emission;
        if (held && held.label === label && held.labelAtUs === labelAtUs && held.weight === weight) {
          this.#fail('nothing: the label has not changed', emission);
        }
        this.#held.set(emission.key, { label, labelAtUs, weight });
      }
    }
    const winners = await this.#winners();
    for (const [key, allowed] of winners) {
      const held = this.#held.get(key);
      const found =
        held &&
        allowed.some((a) => a.label === held.label && a.labelAtUs === held.labelAtUs && a.weight === held.weight);
      if (!found) this.#fail(`${key} to have ${JSON.stringify(allowed)}, it has ${JSON.stringify(held)}`, undefined);
      this.#tally.count(['label']);
    }
    for (const [key, held] of this.#held) {
      if (!winners.has(key)) this.#fail(`${key} to have no label, it has ${JSON.stringify(held)}`, undefined);
    }
  }

  /** For each key the labels that may win: the latest, or any of those that are equally late. */
  async #winners(): Promise<Map<string, Label[]>> {
    const { key, labelAt, weight, timezone } = this.#view;
    const rows = await this.#session.query(
      `set timezone = '${timezone}'; select json_build_array(${key.map((name) => `${name}::text`).join(', ')})::text, label::text,
         ${labelAt ? 'round(extract(epoch from label_at) * 1000000)::text' : 'null::text'}, ${weight ? 'weight::text' : `'1'`}
       from shop.${this.#name} where ${key.map((name) => `${name} is not null`).join(' and ')}`,
    );
    const winners = new Map<string, Label[]>();
    for (const [k, label, at, w] of rows) {
      const name = JSON.stringify(JSON.parse(k!));
      const row: Label = {
        label: label ?? null,
        labelAtUs: at === null || at === undefined ? null : Number(at),
        weight: w === null ? 1 : Number(w),
      };
      const standing = winners.get(name);
      const order = standing ? (row.labelAtUs ?? -Infinity) - (standing[0]!.labelAtUs ?? -Infinity) : 1;
      if (!standing || order > 0) winners.set(name, [row]);
      else if (order === 0 || Number.isNaN(order)) standing.push(row);
    }
    return winners;
  }

  #fail(what: string, emission: LabelEmission | undefined): never {
    throw new Difference(
      `expected ${what}\n  got ${emission ? JSON.stringify(emission) : 'none'}\n  label view: ${this.#view.query}`,
    );
  }
}
