// What is saved beside a model, as one: magic "MLRP", then of each part its name (length u8, ASCII), its length (u32) and its bytes.

const MAGIC = 0x50_52_4c_4d;
/** Before there were names: magic "MLRA", length u32, metrics, threshold. */
const UNNAMED_MAGIC = 0x41_52_4c_4d;
const HEADER = 4;
const LENGTH = 4;

export interface CheckpointParts {
  readonly metrics: Uint8Array;
  /** The threshold's; undefined: no goal chooses one. */
  readonly alerts?: Uint8Array | undefined;
  /** Empty; there where a drift alarm has made a version since the last one by count. */
  readonly alarmed?: Uint8Array | undefined;
  /** What the learner goes by; undefined: the definition says it all. */
  readonly course?: Uint8Array | undefined;
  /** Undefined: nothing is being retrained. */
  readonly challenger?: Uint8Array | undefined;
}

/** Metrics alone stay as they are: they begin with a brace. */
export function joinParts(parts: CheckpointParts): Uint8Array {
  const named = Object.entries(parts).filter((part): part is [string, Uint8Array] => part[1] !== undefined);
  if (named.length === 1) return parts.metrics;
  const size = named.reduce((sum, [name, bytes]) => sum + 1 + name.length + LENGTH + bytes.length, HEADER);
  const joined = Buffer.alloc(size);
  let at = joined.writeUInt32LE(MAGIC, 0);
  for (const [name, bytes] of named) {
    at = joined.writeUInt8(name.length, at);
    at += joined.write(name, at, 'latin1');
    at = joined.writeUInt32LE(bytes.length, at);
    joined.set(bytes, at);
    at += bytes.length;
  }
  return joined;
}

export function splitParts(saved: Uint8Array): CheckpointParts {
  const bytes = Buffer.from(saved.buffer, saved.byteOffset, saved.length);
  const magic = bytes.length < HEADER ? 0 : bytes.readUInt32LE(0);
  if (magic === UNNAMED_MAGIC) {
    const end = HEADER + LENGTH + bytes.readUInt32LE(HEADER);
    return { metrics: bytes.subarray(HEADER + LENGTH, end), alerts: bytes.subarray(end) };
  }
  if (magic !== MAGIC) return { metrics: saved };
  const parts: Record<string, Uint8Array> = {};
  for (let at = HEADER; at < bytes.length;) {
    const from = at + 1 + bytes.readUInt8(at) + LENGTH;
    const end = from + bytes.readUInt32LE(from - LENGTH);
    parts[bytes.toString('latin1', at + 1, from - LENGTH)] = bytes.subarray(from, end);
    at = end;
  }
  return { ...parts, metrics: parts['metrics']! };
}
