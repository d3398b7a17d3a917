// What a forecast said beside its score, as metrics keep it: packed, so that a window of ten thousand is a few hundred kilobytes.
//
//   note := n · n × level · no_change · season_before · horizons × (h · forecast · low · high · no_change · season_before)
//
// NaN: nothing was said. Names of the outputs: `SeriesForecaster`.

/** Numbers that a horizon takes. */
const A_HORIZON = 6;
const PARTS: Readonly<Record<string, number>> = { '': 1, _low: 2, _high: 3, _no_change: 4, _season_before: 5 };
const AHEAD = /^ahead_(\d+)(.*)$/;

/** Undefined: there are neither quantiles nor anything to compare a forecast with. */
export function forecastNote(outputs: ReadonlyMap<string, number> | undefined): Float64Array | undefined {
  if (outputs === undefined) return undefined;
  const levels: number[] = [];
  let ahead: Map<number, number[]> | undefined;
  for (const [name, value] of outputs) {
    if (name.startsWith('ahead_')) put((ahead ??= new Map<number, number[]>()), name, value);
    else if (Number(name) > 0 && Number(name) < 1) levels.push(Number(name));
  }
  const noChange = outputs.get('no_change');
  if (levels.length === 0 && noChange === undefined && ahead === undefined) return undefined;
  const horizons = [...(ahead ?? [])].sort(([a], [b]) => a - b);
  return Float64Array.from([
    levels.length,
    ...levels.sort((a, b) => a - b),
    noChange ?? Number.NaN,
    outputs.get('season_before') ?? Number.NaN,
    ...horizons.flatMap(([, parts]) => parts),
  ]);
}

/** Quantiles that were said, ascending. */
export function levelsOf(note: Float64Array): Float64Array {
  return note.subarray(1, 1 + note[0]!);
}

/** The last value of its series; NaN: not known. */
export function noChangeOf(note: Float64Array): number {
  return note[1 + note[0]!]!;
}

/** The value a season before; NaN: not known, or there is no season. */
export function seasonBeforeOf(note: Float64Array): number {
  return note[2 + note[0]!]!;
}

export interface Ahead {
  readonly horizon: number;
  readonly forecast: number;
  readonly low: number;
  readonly high: number;
  readonly noChange: number;
  readonly seasonBefore: number;
}

/** What was said of the same value further ahead; ascending by horizon. */
export function* aheadOf(note: Float64Array): Iterable<Ahead> {
  for (let at = 3 + note[0]!; at + A_HORIZON <= note.length; at += A_HORIZON)
    yield {
      horizon: note[at]!,
      forecast: note[at + 1]!,
      low: note[at + 2]!,
      high: note[at + 3]!,
      noChange: note[at + 4]!,
      seasonBefore: note[at + 5]!,
    };
}

/** Mean over quantiles of the pinball loss of saying one value for all of them: only the mean of the quantiles matters. */
export function pinballOf(value: number, target: number, levels: Float64Array): number {
  let mean = 0;
  for (const level of levels) mean += level / levels.length;
  return (target - value) * (target < value ? mean - 1 : mean);
}

function put(ahead: Map<number, number[]>, name: string, value: number): void {
  const parts = AHEAD.exec(name);
  const part = PARTS[parts?.[2] ?? 'none'];
  const horizon = Number(parts?.[1]);
  if (part === undefined || !(horizon >= 2)) return;
  let told = ahead.get(horizon);
  if (told === undefined) {
    told = new Array<number>(A_HORIZON).fill(Number.NaN);
    told[0] = horizon;
    ahead.set(horizon, told);
  }
  told[part] = value;
}
