// Metrics and the threshold of alerts are saved as one where there is a threshold: magic "MLRA", length u32, metrics, threshold.

const MAGIC = 0x41_52_4c_4d;
const HEADER = 8;

export interface CheckpointParts {
  readonly metrics: Uint8Array;
  /** Undefined: no goal chooses a threshold. */
  readonly alerts: Uint8Array | undefined;
}

export function joinParts({ metrics, alerts }: CheckpointParts): Uint8Array {
  if (alerts === undefined) return metrics;
  const joined = Buffer.alloc(HEADER + metrics.length + alerts.length);
  joined.writeUInt32LE(MAGIC, 0);
  joined.writeUInt32LE(metrics.length, 4);
  joined.set(metrics, HEADER);
  joined.set(alerts, HEADER + metrics.length);
  return joined;
}

/** What starts otherwise is metrics alone: they begin with a brace. */
export function splitParts(saved: Uint8Array): CheckpointParts {
  const view = new DataView(saved.buffer, saved.byteOffset, saved.length);
  if (saved.length < HEADER || view.getUint32(0, true) !== MAGIC) return { metrics: saved, alerts: undefined };
  const end = HEADER + view.getUint32(4, true);
  return { metrics: saved.subarray(HEADER, end), alerts: saved.subarray(end) };
}
