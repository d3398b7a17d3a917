// How important a log line is. Apart from the logger: a command line names the levels without loading it.

/** Most important first. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
