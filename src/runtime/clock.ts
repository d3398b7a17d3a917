// Time as something that is handed in, so that a simulation can run the same code on a clock of its own.

export interface Clock {
  /** Microseconds since 1970 UTC. For logs, lag and `scored_at`; never an input of a computed value. */
  nowUs(): number;
  /** Resolves after `ms`, or as soon as `signal` aborts: it never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowUs: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};
