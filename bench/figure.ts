/** What a benchmark's `measure()` resolves to some of, in order. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same of what it is compared with, on the same machine in the same run. */
  readonly peer?: number;
  readonly ratio?: number;
}
