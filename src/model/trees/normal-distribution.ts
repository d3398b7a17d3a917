// The normal distribution function, as C libraries compute it to the last bit or nearly so: splits of Hoeffding trees are
// estimated with it, and whether a leaf has seen 200 or 199.999…  examples since its last try must not depend on our rounding.

/** P(Z ≤ z). */
export function normalCdf(z: number): number {
  return 0.5 * (1 + erf(z / Math.SQRT2));
}

/**
 * The error function, by the rational approximations of fdlibm's s_erf.c (Sun Microsystems 1993: "Permission to use, copy, modify,
 * and distribute this software is freely granted, provided that this notice is preserved."), polynomials summed in pairs of terms
 * as the GNU C library does.
 */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size < 0.84375) {
    if (size < 2 ** -28) return x + EFX * x;
    const square = x * x;
    return x + x * (paired(PP, square) / paired(QQ, square));
  }
  const value = size < 1.25 ? ERX + paired(PA, size - 1) / paired(QA, size - 1) : size < 6 ? 1 - complement(size) : 1;
  return x < 0 ? -value : value;
}

/** −ln P(|Z| ≥ z) for z ≥ 0, exact to some 15 digits however far out: the probability itself would be 0 from 38 on. */
export function surprise(z: number): number {
  const x = z / Math.SQRT2;
  if (x < 1.25) return -Math.log1p(-erf(x));
  const s = 1 / (x * x);
  // Beyond 28, where the approximations end, three terms of the asymptotic series are as good.
  if (x >= 28) return x * x + Math.log(x * Math.sqrt(Math.PI)) + s / 2 - (5 * s * s) / 8 + (37 * s * s * s) / 24;
  const ratio = x < 1 / 0.35 ? paired(RA, s) / paired(SA, s) : paired(RB, s) / paired(SB, s);
  return x * x + 0.5625 - ratio + Math.log(x);
}

/** 1 − erf(x) for x from 1.25 to 6: the square of x is split, so that its rounding does not enter the exponent. */
function complement(x: number): number {
  const s = 1 / (x * x);
  const ratio = x < 1 / 0.35 ? paired(RA, s) / paired(SA, s) : paired(RB, s) / paired(SB, s);
  SPLIT.setFloat64(0, x);
  SPLIT.setUint32(4, 0);
  const z = SPLIT.getFloat64(0);
  return (Math.exp(-z * z - 0.5625) * Math.exp((z - x) * (z + x) + ratio)) / x;
}

const SPLIT = new DataView(new ArrayBuffer(8));

function paired(c: readonly number[], s: number): number {
  const s2 = s * s;
  const s4 = s2 * s2;
  let sum = c[0]! + s * c[1]! + s2 * (c[2]! + s * c[3]!);
  sum += c.length === 5 ? s4 * c[4]! : s4 * (c[4]! + s * c[5]!);
  if (c.length > 6) sum += s4 * s2 * (c.length === 7 ? c[6]! : c[6]! + s * c[7]!);
  return c.length > 8 ? sum + s4 * s4 * c[8]! : sum;
}

const EFX = 1.28379167095512586316e-1;
const ERX = 8.45062911510467529297e-1;
// prettier-ignore
const PP = [1.28379167095512558561e-1, -3.25042107247001499370e-1, -2.84817495755985104766e-2, -5.77027029648944159157e-3, -2.37630166566501626084e-5];
// prettier-ignore
const QQ = [1, 3.97917223959155352819e-1, 6.50222499887672944485e-2, 5.08130628187576562776e-3, 1.32494738004321644526e-4, -3.96022827877536812320e-6];
// prettier-ignore
const PA = [-2.36211856075265944077e-3, 4.14856118683748331666e-1, -3.72207876035701323847e-1, 3.18346619901161753674e-1, -1.10894694282396677476e-1, 3.54783043256182359371e-2, -2.16637559486879084300e-3];
// prettier-ignore
const QA = [1, 1.06420880400844228286e-1, 5.40397917702171048937e-1, 7.18286544141962662868e-2, 1.26171219808761642112e-1, 1.36370839120290507362e-2, 1.19844998467991074170e-2];
// prettier-ignore
const RA = [-9.86494403484714822705e-3, -6.93858572707181764372e-1, -1.05586262253232909814e1, -6.23753324503260060396e1, -1.62396669462573470355e2, -1.84605092906711035994e2, -8.12874355063065934246e1, -9.81432934416914548592];
// prettier-ignore
const SA = [1, 1.96512716674392571292e1, 1.37657754143519042600e2, 4.34565877475229228821e2, 6.45387271733267880336e2, 4.29008140027567833386e2, 1.08635005541779435134e2, 6.57024977031928170135, -6.04244152148580987438e-2];
// prettier-ignore
const RB = [-9.86494292470009928597e-3, -7.99283237680523006574e-1, -1.77579549177547519889e1, -1.60636384855821916062e2, -6.37566443368389627722e2, -1.02509513161107724954e3, -4.83519191608651397019e2];
// prettier-ignore
const SB = [1, 3.03380607434824582924e1, 3.25792512996573918826e2, 1.53672958608443695994e3, 3.19985821950859553908e3, 2.55305040643316442583e3, 4.74528541206955367215e2, -2.24409524465858183362e1];
