// Ctrl-C and SIGTERM: the first drains (what is in flight is finished), the second aborts (it is dropped, and comes again).

import type { ChildMessage } from './supervise.ts';

export interface StopSignals {
  readonly drain: AbortSignal;
  readonly abort: AbortSignal;
  /** Our parent, or --until-caught-up, says: process what is there by now, then end. */
  readonly finish: AbortSignal;
  finishNow(): void;
  /** As if the first signal had come. */
  stop(): void;
  [Symbol.dispose](): void;
}

/** Output that nobody reads any more (`… | head`) ends us as a signal would: what we started must not be left behind. */
export function endWhenNobodyReads(out: NodeJS.WritableStream): void {
  out.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (ended) return;
    ended = true;
    if (process.listenerCount('SIGTERM') === 0) process.exit();
    process.emit('SIGTERM');
  });
}

let ended = false;

/** Listens until disposed. `onDrain` may tell the person that a second signal ends it at once. */
export function listenForSignals(onDrain?: () => void): StopSignals {
  const drain = new AbortController();
  const abort = new AbortController();
  const finish = new AbortController();
  const finishNow = (): void => finish.abort();
  const listen = (message: unknown): void => {
    if ((message as ChildMessage).kind === 'finish') finishNow();
  };
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
  if (process.channel) {
    process.on('message', listen);
    // A parent that is gone will not stop us any more.
    process.once('disconnect', stop);
    process.channel.unref();
  }
  return {
    drain: drain.signal,
    abort: abort.signal,
    finish: finish.signal,
    finishNow,
    stop,
    [Symbol.dispose]() {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      process.off('message', listen);
      process.off('disconnect', stop);
    },
  };
}
