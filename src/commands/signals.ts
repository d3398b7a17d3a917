// Ctrl-C and SIGTERM: the first drains (what is in flight is finished), the second aborts (it is dropped, and comes again).

export interface StopSignals {
  readonly drain: AbortSignal;
  readonly abort: AbortSignal;
  /** As if the first signal had come. */
  stop(): void;
  [Symbol.dispose](): void;
}

/** Listens until disposed. `onDrain` may tell the person that a second signal ends it at once. */
export function listenForSignals(onDrain?: () => void): StopSignals {
  const drain = new AbortController();
  const abort = new AbortController();
  const stop = (): void => {
    if (drain.signal.aborted) {
      abort.abort(new Error('aborted by a second signal'));
      return;
    }
    drain.abort(new Error('stopped by a signal'));
    onDrain?.();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    drain: drain.signal,
    abort: abort.signal,
    stop,
    [Symbol.dispose]() {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
