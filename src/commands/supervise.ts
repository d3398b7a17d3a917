// Child processes of `up` and `demo`: connector and sink, so that neither can starve the other's keepalives. One that dies is
// started again with back-off; one that says that a person must act ends them all.

import { fork, type ChildProcess } from 'node:child_process';
import { BackOff } from '../runtime/back-off.ts';
import { systemClock } from '../runtime/clock.ts';
import { MillraceError } from '../runtime/errors.ts';

/** What parent and children say to each other. */
export type ChildMessage =
  /** Child: I cannot go on until a person acts. */
  | { readonly kind: 'fatal'; readonly message: string; readonly hint: string | undefined }
  /** Parent: stop once everything that is in the topics now is in the warehouse. */
  | { readonly kind: 'finish' };

export interface ChildOptions {
  readonly name: 'connector' | 'sink';
  readonly args: readonly string[];
  readonly signals: { readonly drain: AbortSignal; readonly abort: AbortSignal };
  /** Where its standard error goes: ours, or each chunk to this. */
  readonly onOutput?: (chunk: string) => void;
  /** Milliseconds that it must have run for its next death to count as the first. */
  readonly healthyAfterMs?: number;
}

export interface Supervised {
  readonly name: 'connector' | 'sink';
  /** Exit code of its last run, once it is not started again: 0, or 3 (degraded). Rejects when it is fatal. */
  readonly done: Promise<number>;
  send(message: ChildMessage): void;
  /** Process id of the present run. */
  readonly pid: number | undefined;
  /** Times that it was started again. */
  readonly restarts: number;
}

/** Starts the command line as a child, and again whenever it dies without being told to. */
export function supervise(options: ChildOptions): Supervised {
  const backOff = new BackOff({ firstMs: 250, capMs: 15_000, random: Math.random });
  let child: ChildProcess | undefined;
  let restarts = 0;
  const run = async (): Promise<number> => {
    for (;;) {
      const startedMs = Date.now();
      const ended = await runOnce(options, (started) => (child = started));
      child = undefined;
      if (ended.fatal) {
        const { message, hint } = ended.fatal;
        throw new MillraceError(
          'CHILD_FAILED',
          `the ${options.name} stopped: ${message}`,
          hint === undefined ? {} : { hint },
        );
      }
      if (ended.code === 0 || ended.code === 3 || options.signals.drain.aborted) return ended.code ?? 1;
      if (Date.now() - startedMs > (options.healthyAfterMs ?? 30_000)) backOff.succeeded();
      if (backOff.failures >= 8) {
        throw new MillraceError(
          'CHILD_FAILED',
          `the ${options.name} died ${backOff.failures + 1} times in a row (${ended.how})`,
          {
            hint: `Run \`millrace ${options.name}\` by itself with --log-level debug to see why.`,
          },
        );
      }
      restarts += 1;
      const waitMs = Math.round(backOff.next());
      say(options, `the ${options.name} died (${ended.how}) and is started again in ${waitMs} ms\n`);
      await systemClock.sleep(waitMs, options.signals.drain);
      if (options.signals.drain.aborted) return 0;
    }
  };
  return {
    name: options.name,
    done: run(),
    send: (message) => void child?.send(message),
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
  };
}

/** Where the child's own log goes. */
function say(options: ChildOptions, line: string): void {
  if (options.onOutput) options.onOutput(line);
  else process.stderr.write(line);
}

interface Ended {
  readonly code: number | null;
  readonly how: string;
  readonly fatal: (ChildMessage & { kind: 'fatal' }) | undefined;
}

function runOnce(options: ChildOptions, onStart: (child: ChildProcess) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1]!, [options.name, ...options.args], {
      stdio: ['ignore', 'inherit', options.onOutput ? 'pipe' : 'inherit', 'ipc'],
      // A group of its own: Ctrl-C on the terminal reaches us alone, and we pass it on in order.
      detached: true,
    });
    onStart(child);
    let fatal: Ended['fatal'];
    child.on('message', (message) => {
      const said = message as ChildMessage;
      if (said.kind === 'fatal') fatal = said;
    });
    child.stderr?.on('data', (chunk: Buffer) => options.onOutput?.(chunk.toString()));
    const drain = (): void => void child.kill('SIGTERM');
    const abort = (): void => void child.kill('SIGKILL');
    options.signals.drain.addEventListener('abort', drain, { once: true });
    options.signals.abort.addEventListener('abort', abort, { once: true });
    if (options.signals.drain.aborted) drain();
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      options.signals.drain.removeEventListener('abort', drain);
      options.signals.abort.removeEventListener('abort', abort);
      resolve({ code, how: signal ? `signal ${signal}` : `exit code ${code}`, fatal });
    });
  });
}
