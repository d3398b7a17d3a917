// The command line as a whole: every command with its flags and an example. What a command does is in its own file, which is
// imported when it runs: so that `--help` or `sql` do not wait for the libraries of connector and sink.

import { Command, Option } from 'commander';
import type { Flags as DemoFlags } from './demo.ts';
import type { Flags as DropSlotFlags } from './drop-slot.ts';
import type { Flags as EvaluateFlags } from './evaluate.ts';
import { parsePicture, parseSeed, parseSpeed, withFlags, type CommonFlags, type FlagName } from './flags.ts';
import type { Flags as MigrateFlags } from './migrate.ts';
import type { Flags as SqlFlags } from './sql.ts';
import type { Flags as StatusFlags } from './status.ts';
import type { Flags as ValidateFlags } from './validate.ts';

const RUN_FLAGS: readonly FlagName[] = [
  'warehouse',
  'data',
  'brokers',
  'group',
  'partitions',
  'http',
  'untilCaughtUp',
  'logLevel',
];

/** `millrace`, ready to parse; it throws CommanderError where commander would end the process. */
export function commandLine(version: string): Command {
  const program = new Command('millrace')
    .description(
      'Turns a SQL view into a live model: tails Postgres, computes the view as rows change, learns online, writes scores back.',
    )
    .version(version)
    .showHelpAfterError('(add --help for the flags and an example)')
    .exitOverride();
  const commands = [demo(), up(), connector(), sink(), migrate(), status(), validate(), evaluate(), sql(), dropSlot()];
  for (const command of commands) program.addCommand(command.exitOverride());
  return program;
}

function demo(): Command {
  const command = new Command('demo')
    .description('Try it: a local Postgres, 60 days of sample payments, a live fraud model')
    .option('--clean', 'start over: remove what an earlier demo left')
    .addOption(new Option('--speed <n>', 'simulated seconds a second').default(3600).argParser(parseSpeed))
    .addHelpText('after', '\nExample:\n  millrace demo --until-caught-up');
  return withFlags(command, 'data', 'brokers', 'untilCaughtUp').action(
    async (flags: Omit<DemoFlags, 'group' | 'logLevel' | 'partitions'>) => {
      const { runDemo } = await import('./demo.ts');
      await runDemo({ ...flags, group: 'main', logLevel: 'info', partitions: 1 });
    },
  );
}

function up(): Command {
  const command = new Command('up')
    .description('Run connector and sink on this machine')
    .addHelpText(
      'after',
      '\nExample:\n  millrace up --warehouse postgres://millrace:secret@localhost:5432/shop --data /var/lib/millrace',
    );
  return withFlags(command, ...RUN_FLAGS).action(async (flags: CommonFlags) => {
    const { runUp } = await import('./up.ts');
    await runUp(flags);
  });
}

function connector(): Command {
  const command = new Command('connector')
    .description('Tail the warehouse, compute the views as rows change, publish to the topics')
    .addHelpText(
      'after',
      '\nExample:\n  millrace connector --warehouse postgres://millrace@db/shop --brokers kafka:9092 --data /var/lib/millrace',
    );
  return withFlags(command, ...RUN_FLAGS).action(async (flags: CommonFlags) => {
    const { runConnectorProcess } = await import('./connector.ts');
    await runConnectorProcess(flags);
  });
}

function sink(): Command {
  const command = new Command('sink')
    .description('Score and learn from the topics, write to the score tables')
    .addHelpText('after', '\nExample:\n  millrace sink --warehouse postgres://millrace@db/shop --brokers kafka:9092');
  return withFlags(command, ...RUN_FLAGS.filter((name) => name !== 'partitions')).action(async (flags: CommonFlags) => {
    const { runSinkProcess } = await import('./sink.ts');
    await runSinkProcess(flags);
  });
}

function migrate(): Command {
  const command = new Command('migrate')
    .description('Install or upgrade the schema millrace (plain SQL: no extension, no superuser)')
    .addOption(
      new Option('--role <name>', 'role that will own the schema, if not the one that connects').env('MILLRACE_ROLE'),
    )
    .addHelpText('after', '\nExample:\n  millrace migrate --warehouse postgres://millrace:secret@localhost:5432/shop');
  return withFlags(command, 'warehouse', 'json').action(async (flags: MigrateFlags) => {
    const { runMigrate } = await import('./migrate.ts');
    await runMigrate(flags);
  });
}

function status(): Command {
  const command = new Command('status')
    .description('How every pipeline is doing; exit code 3 if one is failed or degraded')
    .option('--watch', 'draw it again every second until Ctrl-C')
    .addHelpText('after', '\nExample:\n  millrace status --watch --warehouse postgres://localhost/shop');
  return withFlags(command, 'warehouse', 'json').action(async (flags: StatusFlags) => {
    const { runStatus } = await import('./status.ts');
    await runStatus(flags);
  });
}

function validate(): Command {
  const command = new Command('validate')
    .description('Compile a pipeline or a view as the connector would, and say what it needs')
    .argument('<pipeline|view>', 'name of a pipeline, or of a view (schema.name where it is not in public)')
    .addOption(new Option('--key <columns>', 'of a view: its key, comma between several; id unless given'))
    .addOption(new Option('--event-time <column>', 'of a view: its event time'))
    .addOption(new Option('--labels <view>', 'of a view: the label view beside it'))
    .addHelpText(
      'after',
      '\nExamples:\n  millrace validate fraud\n  millrace validate fraud_features --key id --event-time created_at',
    );
  return withFlags(command, 'warehouse', 'json').action(async (name: string, flags: ValidateFlags) => {
    const { runValidate } = await import('./validate.ts');
    await runValidate(name, flags);
  });
}

function evaluate(): Command {
  const several = (text: string, before: readonly string[]): string[] => [...before, text];
  const command = new Command('evaluate')
    .description('Compare models on a CSV file or a query: each row is scored, then its label is learned')
    .argument('[csv]', 'file with a header line; - reads standard input')
    .option(
      '--label <column>',
      'what is to be predicted; true and false, 0 and 1, a number, or a class. Models of anomalies need none: it only measures them',
    )
    .option('--key <columns>', 'columns that only name a row, separated by commas: not features', (text: string) =>
      text.split(',').map((name) => name.trim()),
    )
    .option(
      '--time <column>',
      'orders the rows: dates, times, or seconds since 1970; not a feature. Without it they come as they stand',
    )
    .option('--delay <time>', 'labels come so much later: 7d, 36h, 90m, 30s; without --time a number of rows')
    .option('--model <json>', 'as create_pipeline takes it; again for each further model (default: auto)', several, [])
    .option('--query <sql>', 'evaluate what this gives in the warehouse, instead of a file')
    .addOption(new Option('--seed <n>', 'for models that draw lots').default(1).argParser(parseSeed))
    .addOption(new Option('--curve <file>', 'also write the learning curves, as .svg or .html').argParser(parsePicture))
    .addHelpText(
      'after',
      `\nExample:\n  millrace evaluate payments.csv --label fraud --key id --model '{"kind": "logistic"}' --model '{"kind": "naive_bayes"}'`,
    );
  return withFlags(command, 'warehouse', 'json').action(async (file: string | undefined, flags: EvaluateFlags) => {
    const { runEvaluate } = await import('./evaluate.ts');
    await runEvaluate(file, flags);
  });
}

function sql(): Command {
  const command = new Command('sql')
    .description('Run SQL in the warehouse and draw what it returns')
    .argument('<query>', 'one or more statements')
    .addHelpText('after', "\nExample:\n  millrace sql 'select * from millrace.status'");
  return withFlags(command, 'warehouse', 'json').action(async (query: string, flags: SqlFlags) => {
    const { runSql } = await import('./sql.ts');
    await runSql(query, flags);
  });
}

function dropSlot(): Command {
  const command = new Command('drop-slot')
    .description(
      "Drop the group's replication slot, so that Postgres can remove the WAL it kept; pipelines must then be built anew",
    )
    .addHelpText('after', '\nExample:\n  millrace drop-slot --warehouse postgres://localhost/shop --group main');
  return withFlags(command, 'warehouse', 'group', 'data', 'json').action(async (flags: DropSlotFlags) => {
    const { runDropSlot } = await import('./drop-slot.ts');
    await runDropSlot(flags);
  });
}
