// float4 and float8 as Postgres prints them with extra_float_digits = 1: the shortest digits that read back the same,
// an exponent of at least two digits below 1e-4 and from 1e15 (float4: 1e6) up. Source: src/common/d2s.c, f2s.c.

export function formatFloat8(value: number): string {
  return format(value, String(value), 15);
}

/** `value` is already rounded to single precision. */
export function formatFloat4(value: number): string {
  return format(value, shortestSingle(value), 6);
}

function format(value: number, shortest: string, fixedBelow: number): string {
  if (!Number.isFinite(value)) return shortest;
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(shortest)!;
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

function shortestSingle(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  for (let precision = 1; precision < 9; precision++) {
    const text = value.toPrecision(precision);
    if (Math.fround(Number(text)) === value) return text;
  }
  return value.toPrecision(9);
}

const FLOAT = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
/** C's strtod, which Postgres reads by, takes hexadecimal too. */
const HEXADECIMAL = /^\s*([+-]?)0x([0-9a-f]{1,13})\s*$/i;
const SPECIAL = /^\s*(?:(nan)|([+-]?)inf(?:inity)?)\s*$/i;

/** What Postgres accepts as float8; undefined for anything else, `'range'` where it neither fits nor is zero. */
export function parseFloat8(text: string): number | 'range' | undefined {
  if (!FLOAT.test(text)) {
    const hexadecimal = HEXADECIMAL.exec(text);
    if (hexadecimal) return (hexadecimal[1] === '-' ? -1 : 1) * parseInt(hexadecimal[2]!, 16);
    const special = SPECIAL.exec(text);
    if (!special) return undefined;
    return special[1] ? NaN : special[2] === '-' ? -Infinity : Infinity;
  }
  const value = Number(text);
  if (!Number.isFinite(value)) return 'range';
  if (value === 0 && /[1-9]/.test(text.replace(/[eE].*$/, ''))) return 'range';
  return value;
}
