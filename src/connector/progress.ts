// When the clock opens a new step, every partition is told (a progress record). Steps depend on the clock alone, so they fall
// at the same place of the WAL whatever was killed, fetched or saved in between.

const MIN_STEP_US = 10_000_000;

/** 10 s, or a thousandth of the label wait where that is longer: years of history must not become a record a row. */
export function progressStepUs(labelWaitUs: number | undefined): number {
  return Math.max(MIN_STEP_US, Math.floor((labelWaitUs ?? 0) / 1000));
}

/** Number of the step that a clock stands in; -Infinity before the first row. */
export function stepOf(clockUs: number, labelWaitUs: number | undefined): number {
  return Math.floor(clockUs / progressStepUs(labelWaitUs));
}
