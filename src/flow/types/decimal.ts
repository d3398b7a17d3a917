/** Placeholder shape; see the module's owner. */
export interface Decimal {
  readonly unscaled: bigint;
  readonly scale: number;
}
