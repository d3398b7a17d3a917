// Autoregression of one series: a linear model of its differences, by earlier differences, earlier errors and the row's columns. As
// River 0.26's SNARIMAX has it (Anava, Hazan, Mannor and Shamir 2013, "Online learning for time series prediction"): forecasts further
// ahead take those before them as if they had come, without an error.

import type { Input } from '../learner.ts';
import type { StateReader, StateWriter } from '../saved-state.ts';
import { Differences } from './differences.ts';
import { LagScaler } from './lag-scaler.ts';
import { Past } from './past.ts';
import type { Regressor } from './regressor.ts';
import type { SeenRange } from './seen-range.ts';
import { finite, type Explained, type SeriesModel } from './series-model.ts';

/** Names are River's, and those of the literature. */
export interface AutoregressiveOrder {
  readonly p: number;
  readonly d: number;
  readonly q: number;
  readonly season: number;
  readonly sp: number;
  readonly sd: number;
  readonly sq: number;
}

/** Values until a lag's deviation is of the right order. */
const SETTLED = 10;

interface Lag {
  readonly name: string;
  readonly of: 'differences' | 'errors';
  readonly age: number;
}

/** What all series of a learner share: the order, and room to work in. Only one series is at work at a time. */
export class AutoregressiveWorkspace {
  readonly order: AutoregressiveOrder;
  readonly lags: readonly Lag[];
  readonly differencing: Differences;
  readonly keptValues: number;
  readonly keptDifferences: number;
  readonly keptErrors: number;
  /** Lags first, then the row's dimensions, each `lags.length` further on. */
  readonly input: Input;
  readonly ahead: Trail;
  /** A level that is known at once, instead of zero: where values themselves are forecast, not their differences. */
  readonly startsAtFirst: boolean;
  /** The row's columns are taken for those of the periods before and after it, too. */
  readonly sameColumns: boolean;
  /** A row that says nothing. */
  readonly nothing: Input = { length: 0, indexes: new Int32Array(0), values: new Float64Array(0) };

  /** @param reach steps ahead that are forecast at most. @param river starts from zero, as River does. */
  constructor(
    order: AutoregressiveOrder,
    reach: number,
    { river, sameColumns }: { river: boolean; sameColumns: boolean },
  ) {
    const { p, d, q, season, sp, sd, sq } = order;
    this.order = order;
    const ages = (count: number, step: number) => Array.from({ length: count }, (_, i) => (i + 1) * step - 1);
    this.lags = [
      ...ages(p, 1).map((age): Lag => ({ name: `lag ${age + 1}`, of: 'differences', age })),
      ...ages(sp, season).map((age): Lag => ({ name: `seasonal lag ${age + 1}`, of: 'differences', age })),
      ...ages(q, 1).map((age): Lag => ({ name: `error ${age + 1}`, of: 'errors', age })),
      ...ages(sq, season).map((age): Lag => ({ name: `seasonal error ${age + 1}`, of: 'errors', age })),
    ];
    this.differencing = new Differences(d, sd, season);
    // One value at least: it is the forecast until there are enough.
    this.keptValues = Math.max(1, this.differencing.reach);
    this.keptDifferences = Math.max(p, season * sp);
    this.keptErrors = Math.max(q, season * sq);
    this.input = { length: 0, indexes: new Int32Array(64), values: new Float64Array(64) };
    this.ahead = new Trail(this, reach);
    this.sameColumns = sameColumns;
    this.startsAtFirst = !river && this.differencing.reach === 0;
  }
}

/** The past of a series, as it was or as it is forecast. */
class Trail {
  readonly values: Past;
  readonly differences: Past;
  readonly errors: Past;

  constructor(work: AutoregressiveWorkspace, room?: number, saved?: StateReader) {
    const past = (capacity: number) => (saved ? Past.load(capacity, saved) : new Past(capacity, room));
    this.values = past(work.keptValues);
    this.differences = past(work.keptDifferences);
    this.errors = past(work.keptErrors);
  }

  get bytes(): number {
    return 48 + this.values.bytes + this.differences.bytes + this.errors.bytes;
  }

  copy(other: Trail): void {
    this.values.copy(other.values);
    this.differences.copy(other.differences);
    this.errors.copy(other.errors);
  }

  push(value: number, difference: number, error: number): void {
    this.values.push(value);
    this.differences.push(difference);
    this.errors.push(error);
  }

  save(writer: StateWriter): void {
    for (const past of [this.values, this.differences, this.errors]) past.save(writer);
  }
}

export class AutoregressiveSeries implements SeriesModel {
  readonly #work: AutoregressiveWorkspace;
  readonly #regressor: Regressor;
  readonly #scaler: LagScaler;
  readonly #trail: Trail;
  #learned: number;

  /** The regressor is read before what is saved here. */
  constructor(work: AutoregressiveWorkspace, regressor: Regressor, clip: number, saved?: StateReader) {
    this.#work = work;
    this.#regressor = regressor;
    this.#learned = saved ? saved.f64() : 0;
    this.#scaler = new LagScaler(work.lags.length, clip, saved);
    this.#trail = new Trail(work, undefined, saved);
  }

  get ready(): boolean {
    return this.#learned > 0;
  }

  get bytes(): number {
    return 64 + this.#regressor.bytes + this.#scaler.bytes + this.#trail.bytes;
  }

  forecast(from: number, count: number, x: Input, into: Float64Array, range: SeenRange): void {
    const { ahead } = this.#work;
    const others = this.#besides(x);
    ahead.copy(this.#trail);
    for (let h = 1; h < from + count; h++) {
      const value = this.#continue(ahead, h === from ? x : others, h, range);
      if (h >= from) into[h - from] = value;
    }
  }

  /**
   * By what a single error does to the values after it (the weights of the moving average that the model is): it goes on through the
   * lags and errors, and adds up in the differences.
   */
  spread(from: number, count: number, into: Float64Array): void {
    const { lags, differencing } = this.#work;
    const moved = new Float64Array(from + count);
    const carried = new Float64Array(from + count);
    let squares = 0;
    for (let h = 0; h < from + count - 1; h++) {
      let difference = h === 0 ? 1 : 0;
      lags.forEach(({ of, age }, lag) => {
        const back = h - 1 - age;
        if (back < 0 || (of === 'errors' && back > 0)) return;
        difference += this.#regressor.weight(lag) * this.#scaler.slope(lag) * (of === 'errors' ? 1 : moved[back]!);
      });
      moved[h] = finite(difference);
      let value = difference;
      for (let age = 0; age < Math.min(h, differencing.coefficients.length); age++)
        value -= differencing.coefficients[age]! * carried[h - 1 - age]!;
      carried[h] = finite(value);
      squares = finite(squares + carried[h]! * carried[h]!);
      if (h >= from - 1) into[h - from + 1] = Math.sqrt(squares);
    }
  }

  learn(y: number, steps: number, x: Input, weight: number, range: SeenRange): void {
    if (steps > 1 && this.#trail.values.length > 0) this.#bridge(steps - 1, this.#besides(x), range);
    const { differencing } = this.#work;
    if (this.#trail.values.length < differencing.reach) {
      this.#trail.values.push(y);
      return;
    }
    const difference = finite(y + differencing.carried(this.#trail.values));
    if (this.#learned === 0 && this.#work.startsAtFirst) this.#regressor.bias = difference;
    // In River's order: what the error is counts before the lags enter their means.
    const error = finite(difference - this.#regressor.raw(this.#inputOf(this.#trail, x)));
    this.#work.lags.forEach((lag, at) => {
      const past = lag.of === 'errors' ? this.#trail.errors : this.#trail.differences;
      if (lag.age < past.length) this.#scale(at, past.at(lag.age));
    });
    this.#regressor.learn(this.#inputOf(this.#trail, x), difference, weight);
    this.#trail.push(y, difference, error);
    this.#learned += 1;
  }

  explain(steps: number, x: Input, range: SeenRange): Explained {
    const { ahead, lags, differencing } = this.#work;
    const contributions = new Float64Array(x.length);
    if (!this.ready) {
      const last = this.#trail.values.length > 0 ? this.#trail.values.at(0) : 0;
      return { bias: 0, contributions, parts: [{ name: 'last values', contribution: last }] };
    }
    ahead.copy(this.#trail);
    for (let h = 1; h < steps; h++) this.#continue(ahead, this.#besides(x), h, range);
    const input = this.#inputOf(ahead, x);
    const parts: { name: string; contribution: number }[] = [];
    if (differencing.reach > 0)
      parts.push({ name: 'last values', contribution: finite(-differencing.carried(ahead.values)) });
    let entry = 0;
    for (let i = 0; i < input.length; i++) {
      const dimension = input.indexes[i]!;
      const contribution = finite(this.#regressor.weight(dimension) * input.values[i]!);
      if (dimension < lags.length) parts.push({ name: lags[dimension]!.name, contribution });
      else contributions[entry++] = contribution;
    }
    const free = finite(finite(this.#regressor.raw(input)) - differencing.carried(ahead.values));
    const limit = range.bounded(free, steps) - free;
    if (limit !== 0) parts.push({ name: 'limit', contribution: limit });
    return { bias: this.#regressor.bias, contributions, parts };
  }

  /** A lag's mean and deviation move; weights move with them, once there is a scale to speak of. */
  #scale(lag: number, value: number): void {
    const [mean, slope] = [this.#scaler.mean(lag), this.#scaler.slope(lag)];
    this.#scaler.learn(lag, value);
    const next = this.#scaler.slope(lag);
    if (this.#learned < SETTLED || slope === 0 || next === 0) return;
    this.#regressor.rescale?.(lag, slope / next, (this.#scaler.mean(lag) - mean) * slope);
  }

  save(writer: StateWriter): void {
    this.#regressor.save(writer);
    writer.f64(this.#learned);
    this.#scaler.save(writer);
    this.#trail.save(writer);
  }

  /** What is known of the columns at other periods than the row's own. */
  #besides(x: Input): Input {
    return this.#work.sameColumns ? x : this.#work.nothing;
  }

  /** The next value as it is forecast, which joins the trail as if it had come. */
  #continue(trail: Trail, x: Input, steps: number, range: SeenRange): number {
    const { differencing } = this.#work;
    if (!this.ready) return trail.values.length > 0 ? trail.values.at(0) : 0;
    const carried = differencing.carried(trail.values);
    const difference = finite(this.#regressor.raw(this.#inputOf(trail, x)));
    const free = finite(difference - carried);
    const value = range.bounded(free, steps);
    trail.push(value, value === free ? difference : finite(value + carried), 0);
    return value;
  }

  /** Values that never came are taken as they were forecast; of many only as many as are remembered, in step with the season. */
  #bridge(missing: number, x: Input, range: SeenRange): void {
    const { keptValues, keptDifferences, keptErrors, order } = this.#work;
    const kept = Math.max(keptValues, keptDifferences, keptErrors);
    const count = missing <= kept ? missing : kept + ((missing - kept) % Math.max(1, order.season));
    for (let i = 0; i < count; i++) {
      if (this.ready) this.#continue(this.#trail, x, i + 1, range);
      else if (this.#trail.values.length < this.#work.differencing.reach)
        this.#trail.values.push(this.#trail.values.at(0));
    }
  }

  /** Lags that there are, scaled, then the row's entries. Reused: it holds until the next. */
  #inputOf(trail: Trail, x: Input): Input {
    const { input, lags } = this.#work;
    if (input.indexes.length < lags.length + x.length) {
      input.indexes = new Int32Array(2 * (lags.length + x.length));
      input.values = new Float64Array(2 * (lags.length + x.length));
    }
    let length = 0;
    for (let lag = 0; lag < lags.length; lag++) {
      const { of, age } = lags[lag]!;
      const past = of === 'errors' ? trail.errors : trail.differences;
      if (age >= past.length) continue;
      input.indexes[length] = lag;
      input.values[length++] = this.#scaler.scaled(lag, past.at(age));
    }
    for (let i = 0; i < x.length; i++) {
      input.indexes[length] = lags.length + x.indexes[i]!;
      input.values[length++] = x.values[i]!;
    }
    input.length = length;
    return input;
  }
}
