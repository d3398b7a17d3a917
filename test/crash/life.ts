// One run of `millrace connector` or `millrace sink` as a process of its own, until it ends or is killed.

import { spawn, type ChildProcess } from 'node:child_process';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Life {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #said = '';
  #heard = (): void => {};

  constructor(cli: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [cli, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      this.#said = (this.#said + chunk).slice(-20_000);
      this.#heard();
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it has said so far does not count any more. */
  forget(): void {
    this.#said = '';
  }

  /** What it last wrote to standard error. */
  get said(): string {
    return this.#said;
  }

  /** Resolves when it has said this, or ends. */
  async says(text: string): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      this.#heard = () => {
        if (this.#said.includes(text)) resolve();
      };
      this.#heard();
    });
    await Promise.race([heard, this.ended]);
  }

  /** SIGTERM: it finishes what is in flight, then ends. */
  drain(): Promise<Ended> {
    this.#child.kill('SIGTERM');
    return this.ended;
  }

  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<Ended> {
    this.#child.kill('SIGKILL');
    return this.ended;
  }
}
