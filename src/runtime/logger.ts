// Structured logs on standard error: one JSON object a line. The message is a constant; what varies is in fields.

import { destination, pino, type Logger } from 'pino';
import type { LogLevel } from './log-level.ts';

export type { Logger } from 'pino';

/** @param name `connector`, `sink`, …: the field `stage` of every line */
export function createLogger(name: string, level: LogLevel): Logger {
  return pino(
    {
      level,
      base: { stage: name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ dest: 2, sync: true }),
  );
}

/** A logger that says nothing, for tests and simulations. */
export const silentLogger: Logger = pino({ level: 'silent' });
