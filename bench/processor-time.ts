// Processor time of processes that are not ours, from Linux's /proc. Elsewhere there is none.

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessTime {
  readonly pid: number;
  readonly parent: number;
  /** Seconds of its own, user and system, in steps of 10 ms. */
  readonly own: number;
  /** Seconds of its children that have ended. */
  readonly ended: number;
}

/** A second has this many clock ticks in /proc, on every Linux. */
const TICKS = 100;

/** All processes of the machine; empty where there is no /proc. */
export function processTimes(): ProcessTime[] {
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return [];
  }
  return entries.filter((entry) => /^\d+$/.test(entry)).flatMap((pid) => timeOf(Number(pid)) ?? []);
}

function timeOf(pid: number): ProcessTime | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [own, ended] = [fields[11]! + fields[12]!, fields[13]! + fields[14]!];
    return { pid, parent: fields[1]!, own: own / TICKS, ended: ended / TICKS };
  } catch {
    return undefined;
  }
}

/** The command line as it stands now: Postgres writes there what each of its processes is. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
