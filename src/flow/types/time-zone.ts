// Time zones with their history and DST, from the ICU data that Node carries. Offsets are cached by UTC day; a day with a
// transition keeps the moment of it.

const DAY_SECONDS = 86_400;
/** Days kept for each zone; at the cap the zone's cache starts anew. */
const CACHE_DAYS = 20_000;

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /** Offset of the whole day, or where it changes. */
  readonly days: Map<number, number | Transition>;
}

interface Transition {
  /** UTC seconds from which `after` holds. */
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

const zones = new Map<string, Zone | 'utc' | number>();

/** Says whether the name means something here: IANA names, `UTC`, `GMT`, and fixed offsets `+05:30`. */
export function isKnownTimeZone(timezone: string): boolean {
  try {
    zoneOf(timezone);
    return true;
  } catch {
    return false;
  }
}

/** True where local time never jumps: `UTC`, `GMT` and fixed offsets. Throws RangeError for an unknown zone. */
export function hasFixedOffset(timezone: string): boolean {
  const zone = zoneOf(timezone);
  return zone === 'utc' || typeof zone === 'number';
}

/** Seconds to add to UTC to get local time. Throws RangeError for an unknown zone. */
export function offsetSecondsAt(us: bigint, timezone: string): number {
  const zone = zoneOf(timezone);
  if (zone === 'utc') return 0;
  if (typeof zone === 'number') return zone;
  let seconds = Number(us / 1_000_000n);
  if (us < 0n && us % 1_000_000n !== 0n) seconds -= 1;
  return offsetAtSecond(zone, seconds);
}

export const localFromUtc = (us: bigint, timezone: string): bigint =>
  us + BigInt(offsetSecondsAt(us, timezone)) * 1_000_000n;

/**
 * Local time to UTC as Postgres does it (DetermineTimeZoneOffset): in the gap of a spring transition the offset before it
 * holds, in the repeated hour of an autumn transition the one after it.
 */
export function utcFromLocal(us: bigint, timezone: string): bigint {
  const zone = zoneOf(timezone);
  if (zone === 'utc') return us;
  const dayUs = BigInt(DAY_SECONDS) * 1_000_000n;
  const before = offsetSecondsAt(us - dayUs, timezone);
  const after = offsetSecondsAt(us + dayUs, timezone);
  const early = us - BigInt(before) * 1_000_000n;
  if (before === after) return early;
  const late = us - BigInt(after) * 1_000_000n;
  return offsetSecondsAt(late, timezone) === after ? late : early;
}

function zoneOf(timezone: string): Zone | 'utc' | number {
  const known = zones.get(timezone);
  if (known !== undefined) return known;
  const zone = openZone(timezone);
  zones.set(timezone, zone);
  return zone;
}

function openZone(timezone: string): Zone | 'utc' | number {
  if (/^(utc|gmt|etc\/utc|etc\/gmt|uct|zulu|z)$/i.test(timezone)) return 'utc';
  // POSIX `<+02>-02`, as Postgres shows a zone set by a number: the sign is the other way round.
  const posix = /^<[+-]\d{1,2}(?::?\d\d)?>([+-])(\d{1,2})(?::(\d\d))?$/.exec(timezone);
  if (posix) return (posix[1] === '-' ? 1 : -1) * (Number(posix[2]) * 3600 + Number(posix[3] ?? 0) * 60);
  if (/^[+-]/.test(timezone)) throw new RangeError(`not a time zone: ${timezone}`);
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone: timezone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return { format, days: new Map() };
}

function offsetAtSecond(zone: Zone, seconds: number): number {
  const day = Math.floor(seconds / DAY_SECONDS);
  let entry = zone.days.get(day);
  if (entry === undefined) {
    entry = readDay(zone, day);
    if (zone.days.size >= CACHE_DAYS) zone.days.clear();
    zone.days.set(day, entry);
  }
  return typeof entry === 'number' ? entry : seconds < entry.at ? entry.before : entry.after;
}

function readDay(zone: Zone, day: number): number | Transition {
  let low = day * DAY_SECONDS;
  let high = low + DAY_SECONDS;
  const before = askOffset(zone, low);
  const after = askOffset(zone, high - 1);
  if (before === after) return before;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (askOffset(zone, middle) === before) low = middle;
    else high = middle;
  }
  return { at: high, before, after };
}

/** JavaScript's dates end in the year 275760; the calendar, and with it the rules, repeat every 400 years. */
const LAST_SECOND = 8_640_000_000_000;
const CYCLE_SECONDS = 146_097 * DAY_SECONDS;
/** No zone has rules before this: local mean time holds. */
const FIRST_GREGORIAN_SECOND = -12_219_292_800;

function askOffset(zone: Zone, seconds: number): number {
  let asked = Math.max(seconds, FIRST_GREGORIAN_SECOND);
  while (asked > LAST_SECOND - DAY_SECONDS * 2) asked -= CYCLE_SECONDS;
  const parts: Record<string, number> = {};
  for (const { type, value } of zone.format.formatToParts(asked * 1000)) parts[type] = Number(value);
  const { year, month, day, hour, minute, second } = parts;
  return Date.UTC(year!, month! - 1, day, hour, minute, second) / 1000 - asked;
}
