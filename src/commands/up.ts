// `millrace up`: connector and sink on one machine, with the embedded stream unless --brokers is given.

import { Command } from 'commander';
import { warehouseOf, withFlags, type CommonFlags } from './flags.ts';
import { listenForSignals } from './signals.ts';
import { supervise, type Supervised } from './supervise.ts';

export function upCommand(): Command {
  const command = new Command('up')
    .description('Run connector and sink on this machine')
    .addHelpText(
      'after',
      '\nExample:\n  millrace up --warehouse postgres://millrace:secret@localhost:5432/shop --data /var/lib/millrace',
    );
  return withFlags(
    command,
    'warehouse',
    'data',
    'brokers',
    'group',
    'partitions',
    'http',
    'untilCaughtUp',
    'logLevel',
  ).action(runUp);
}

async function runUp(flags: CommonFlags): Promise<void> {
  warehouseOf(flags);
  using signals = listenForSignals(() =>
    process.stderr.write('Finishing what is in flight; press Ctrl-C again to stop at once.\n'),
  );
  process.exitCode = await runBoth(flags, signals);
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
