/** months, days and microseconds apart, as Postgres keeps them. */
export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly us: bigint;
}
