// float4 and float8 as Postgres prints them with extra_float_digits = 1: the shortest digits that read back the same,
// an exponent of at least two digits below 1e-4 and from 1e15 (float4: 1e6) up. Source: src/common/d2s.c, f2s.c. Digits that
// lie exactly between two floats and are rounded to the even one are not taken there (acceptBounds is false); JavaScript does.

export function formatFloat8(value: number): string {
  return format(value, shortestDouble(value), 15);
}

/** `value` is already rounded to single precision. */
export function formatFloat4(value: number): string {
  return format(value, shortestSingle(value), 6);
}

function format(value: number, shortest: string, fixedBelow: number): string {
  if (!Number.isFinite(value)) return shortest;
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(shortest)!;
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  const all = `${whole}${fraction}`;
  const leading = /^0*/.exec(all)![0].length;
  const digits = all.slice(leading).replace(/0+$/, '');
  const exponent = whole.length - 1 - leading + Number(power);
  if (exponent < -4 || exponent >= fixedBelow) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits[0]}${rest}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return `${sign}${digits.padEnd(exponent + 1, '0')}`;
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** Below 2^53 (and far above it) a number between two floats has more digits than either, so it is never the shortest. */
function shortestDouble(value: number): string {
  const text = String(value);
  const size = Math.abs(value);
  if (!(size >= 2 ** 53 && size < 2 ** 80)) return text;
  const half = 2n ** BigInt(Math.floor(Math.log2(size)) - 52) / 2n;
  const inside = (shown: string): boolean => {
    const off = BigInt(shown) - BigInt(value);
    return off < half && off > -half;
  };
  if (inside(whole(text))) return text;
  const shorter = value.toPrecision(16);
  return inside(whole(shorter)) ? shorter : value.toPrecision(17);
}

/** Digits and power of ten as the whole number that they are. */
function whole(text: string): string {
  const [mantissa = '', power = '0'] = text.split('e');
  const [before = '', after = ''] = mantissa.split('.');
  return before + after.replace(/0+$/, '').padEnd(Number(power), '0');
}

function shortestSingle(value: number): string {
  if (!Number.isFinite(value) || value === 0) return String(value);
  // Strictly nearer than half way to the next float on that side: a little further still rounds to it.
  const inside = (text: string): boolean => {
    const near = Number(text);
    return Math.fround(near) === value && Math.fround(near + (near - value) * 1e-6) === value;
  };
  for (let precision = 1; precision < 9; precision++) {
    const text = toPrecisionHalfEven(value, precision);
    if (inside(text)) return text;
    // Below a power of two floats lie twice as close: the number above may fit where the nearest, below, does not.
    const above = nextAbove(value, precision);
    if (inside(above)) return above;
  }
  return value.toPrecision(9);
}

/** The next number of so many digits that is not nearer to zero than the value. */
function nextAbove(value: number, precision: number): string {
  const [, sign, first, rest, power] = /^(-?)(\d)\.(\d*)e(.*)$/.exec(value.toExponential(40))!;
  const digits = BigInt(`${first}${rest!.slice(0, precision - 1)}`) + 1n;
  return `${sign}${digits}e${Number(power) - (precision - 1)}`;
}

/** Of two numbers of so many digits that are equally near, Postgres takes the even one, JavaScript either. */
export function toPrecisionHalfEven(value: number, precision: number): string {
  // A value in a tie has one digit more than asked for, and all of them are here.
  const tie = /^(-?\d)\.(\d*?)50*(e.*)$/.exec(value.toExponential(40));
  if (tie?.[2]!.length !== precision - 1) return value.toPrecision(precision);
  const below = BigInt(`${tie[1]}${tie[2]}`);
  const even = below % 2n === 0n ? below : below + (value < 0 ? -1n : 1n);
  const power = Number(tie[3]!.slice(1)) - (precision - 1);
  return `${even}e${power}`;
}

const FLOAT = /^[ \t\n\v\f\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\v\f\r]*$/;
/** C's strtod, which Postgres reads by, takes hexadecimal too. */
const HEXADECIMAL = /^[ \t\n\v\f\r]*([+-]?)0x([0-9a-f]+)[ \t\n\v\f\r]*$/i;
const SPECIAL = /^[ \t\n\v\f\r]*(?:(nan)|([+-]?)inf(?:inity)?)[ \t\n\v\f\r]*$/i;

/** What Postgres accepts as float8; undefined for anything else, `'range'` where it neither fits nor is zero. */
export function parseFloat8(text: string): number | 'range' | undefined {
  if (!FLOAT.test(text)) {
    const hexadecimal = HEXADECIMAL.exec(text);
    if (hexadecimal) {
      const size = Number(BigInt(`0x${hexadecimal[2]!}`));
      return !Number.isFinite(size) ? 'range' : hexadecimal[1] === '-' ? -size : size;
    }
    const special = SPECIAL.exec(text);
    if (!special) return undefined;
    return special[1] ? NaN : special[2] === '-' ? -Infinity : Infinity;
  }
  const value = Number(text);
  if (!Number.isFinite(value)) return 'range';
  if (value === 0 && /[1-9]/.test(text.replace(/[eE].*$/, ''))) return 'range';
  return value;
}
