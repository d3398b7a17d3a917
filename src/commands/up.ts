// `millrace up`: connector and sink on one machine, with the embedded stream unless --brokers is given.

import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import pc from 'picocolors';
import { readStatus } from '../catalog/status.ts';
import { systemClock } from '../runtime/clock.ts';
import { Screen, terminalWidth } from '../terminal/screen.ts';
import { connect } from '../warehouse/connection.ts';
import { groupFolder, warehouseOf, type CommonFlags } from './flags.ts';
import { listenForSignals } from './signals.ts';
import { drawStatus } from './status.ts';
import { supervise, type Supervised } from './supervise.ts';

export async function runUp(flags: CommonFlags): Promise<void> {
  const url = warehouseOf(flags);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  using signals = listenForSignals(() => say('Finishing what is in flight; press Ctrl-C again to stop at once.'));
  if (!process.stdout.isTTY) {
    process.exitCode = await runBoth(flags, signals);
    return;
  }
  const folder = groupFolder(flags);
  const log = path.join(folder, 'millrace.log');
  mkdirSync(folder, { recursive: true });
  say(pc.dim(`Connector and sink are running; their log is ${log}. Ctrl-C ends them.`));
  const ended = new AbortController();
  const running = runBoth(flags, signals, (chunk) => appendFileSync(log, chunk)).finally(() => ended.abort());
  const [code] = await Promise.all([
    running,
    watchStatus(url, AbortSignal.any([ended.signal, signals.drain])).catch(() => {}),
  ]);
  process.exitCode = code;
}

/** On a terminal: what `millrace status --watch` shows. A warehouse that is away is said by connector and sink. */
async function watchStatus(url: string, stop: AbortSignal): Promise<void> {
  const client = await connect({ url, applicationName: 'millrace up status' });
  try {
    using screen = new Screen(process.stdout);
    while (!stop.aborted) {
      screen.draw(drawStatus(await readStatus(client), terminalWidth(process.stdout)));
      await systemClock.sleep(1000, stop);
    }
  } finally {
    await client.end();
  }
}

/**
 * Runs both until stopped. Told to finish (`untilCaughtUp`, or a message), the connector ends when everything is in the topics;
 * then the sink is told. Gives the exit code. Whichever fails for good stops the other.
 */
export async function runBoth(
  flags: CommonFlags,
  signals: ReturnType<typeof listenForSignals>,
  onOutput?: (chunk: string) => void,
  onStart?: (children: readonly Supervised[]) => void,
): Promise<number> {
  const output = onOutput ? { onOutput } : {};
  const sink = supervise({ name: 'sink', args: childArguments(flags, false), signals, ...output });
  const connector = supervise({ name: 'connector', args: childArguments(flags, true), signals, ...output });
  onStart?.([connector, sink]);
  const connectorDone = connector.done.then((code) => {
    // The connector ends by itself only when it was told to finish: then everything is in the topics.
    if (!signals.drain.aborted) sink.send({ kind: 'finish' });
    return code;
  });
  try {
    const codes = await Promise.all([connectorDone, sink.done]);
    return Math.max(...codes);
  } catch (error) {
    signals.stop();
    await Promise.allSettled([connector.done, sink.done]);
    throw error;
  }
}

/** The children get by environment and flags what we got; the URL only by environment, as others can see arguments. */
function childArguments(flags: CommonFlags, connector: boolean): string[] {
  process.env['MILLRACE_WAREHOUSE'] = warehouseOf(flags);
  const args = ['--data', flags.data, '--group', flags.group, '--log-level', flags.logLevel];
  if (flags.brokers) args.push('--brokers', flags.brokers.join(','));
  if (connector) args.push('--partitions', String(flags.partitions));
  if (connector && flags.untilCaughtUp) args.push('--until-caught-up');
  if (flags.http)
    args.push(
      '--http',
      `${flags.http.host}:${connector || flags.http.port === 0 ? flags.http.port : flags.http.port + 1}`,
    );
  return args;
}
