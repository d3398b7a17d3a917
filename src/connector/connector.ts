// The connector: source -> transform -> stream, for all pipelines of a group, from one slot.
//
//   while nothing stops it:
//     next transaction ──▶ every pipeline that wants it ──▶ records ──▶ topics
//     its control rows ──▶ pipelines start, pause, resume, go          (at its commit, not before)
//     now and then: topics durable ──▶ state flushed ──▶ slot acknowledged   (in this order, always)

import type { Transaction } from '../flow/change.ts';
import type { PipelineDefinition } from '../flow/pipeline.ts';
import { formatLsn, type Lsn } from '../flow/lsn.ts';
import { BackOff } from '../runtime/back-off.ts';
import { isRetryable } from '../runtime/errors.ts';
import type { Source } from '../source/source.ts';
import type { GroupCheckpoint } from '../state/state-store.ts';
import { attach } from './attach.ts';
import { lowestClaim } from './attachment.ts';
import { Checkpointer } from './checkpointer.ts';
import { cellsByName, ControlChanges, decideActions, type ControlAction } from './control.ts';
import { inForce } from './in-force.ts';
import type { Member } from './member.ts';
import { Members } from './members.ts';
import type { ConnectorOptions, ConnectorPorts, StopSignals } from './ports.ts';
import { parsePipelineRow } from '../catalog/pipeline-row.ts';
import { StatusReporter } from './status-reporter.ts';

export interface ConnectorOutcome {
  /** Pipelines that stand failed at the end. */
  readonly failed: number;
  /** Rows that could not be computed since the start. */
  readonly deadLetters: number;
}

/** Runs until drained, aborted or (`finish`) done. Rejects with what a person must mend. */
export async function runConnector(
  ports: ConnectorPorts,
  options: ConnectorOptions,
  signals: StopSignals,
): Promise<ConnectorOutcome> {
  await attach(ports, options, signals.abort);
  return new Connector(ports, options, signals).run();
}

/** Why a session over one replication stream ended. */
type SessionEnd = 'stopped' | 'reload';

class Connector {
  readonly #ports: ConnectorPorts;
  readonly #options: ConnectorOptions;
  readonly #signals: StopSignals;
  readonly #members: Members;
  readonly #control: ControlChanges;
  readonly #status: StatusReporter;
  #group!: GroupCheckpoint;
  #until: Lsn | undefined;

  constructor(ports: ConnectorPorts, options: ConnectorOptions, signals: StopSignals) {
    this.#ports = ports;
    this.#options = options;
    this.#signals = signals;
    this.#members = new Members(ports, options, signals.abort);
    this.#control = new ControlChanges(options.controlTable);
    this.#status = new StatusReporter(ports, options, this.#members);
  }

  async run(): Promise<ConnectorOutcome> {
    const backOff = new BackOff({ firstMs: 200, capMs: 30_000, random: this.#ports.random });
    const stopStatus = this.#status.start(this.#signals.abort);
    try {
      for (;;) {
        try {
          const end = await this.#session(() => backOff.succeeded());
          if (end === 'stopped') break;
        } catch (error) {
          if (!isRetryable(error) || this.#signals.abort.aborted) throw error;
          const waitMs = backOff.next();
          this.#status.trouble = error instanceof Error ? error.message : String(error);
          this.#ports.logger.warn({ reason: this.#status.trouble, waitMs }, 'the stream broke, connecting again');
          await this.#ports.clock.sleep(waitMs, this.#signals.drain);
          if (this.#signals.drain.aborted) break;
        }
      }
      return this.#outcome();
    } finally {
      await stopStatus();
      await this.#members.close();
    }
  }

  /** Everything committed by now, and one commit of our own behind it, so that something certainly comes to tell us. */
  async #setGoal(): Promise<void> {
    this.#until = await this.#ports.warehouse.currentLsn();
    await this.#ports.warehouse.heartbeat();
  }

  /** Everything over one replication stream, from the last checkpoint on. */
  async #session(onProgress: () => void): Promise<SessionEnd> {
    // Of a transaction that was cut off nothing stays: its commands come again at their place.
    this.#control.takeAll();
    await this.#members.load();
    await this.#members.letGoUnpublished();
    if (!this.#ports.state.group) await this.#firstStart();
    this.#group = this.#ports.state.group!;
    const source = await this.#openSource();
    const checkpointer = new Checkpointer(this.#ports, this.#options, this.#members, source);
    try {
      const end = await this.#stream(source, checkpointer, onProgress);
      if (end === 'stopped' && !this.#signals.abort.aborted) await checkpointer.save(this.#group);
      return end;
    } finally {
      await checkpointer.settle();
      await source[Symbol.asyncDispose]();
    }
  }

  async #openSource(): Promise<Source> {
    const from = lowestClaim(this.#ports.state) ?? this.#group.endLsn;
    const source = await this.#ports.warehouse.openSource(from, this.#signals.drain);
    this.#status.source = source;
    this.#status.trouble = undefined;
    this.#ports.logger.info({ from: formatLsn(from) }, 'reading the stream');
    return source;
  }

  async #stream(source: Source, checkpointer: Checkpointer, onProgress: () => void): Promise<SessionEnd> {
    const { clock } = this.#ports;
    const { drain, finish } = this.#signals;
    let waiting: Promise<Transaction | undefined> | undefined;
    let lookedUs = clock.nowUs();
    while (!drain.aborted) {
      if (finish.aborted && this.#until === undefined) await this.#setGoal();
      if (this.#isCaughtUp()) return 'stopped';
      if (clock.nowUs() - lookedUs >= this.#options.publicationIntervalMs * 1000) {
        await checkpointer.settle();
        await this.#members.letGoUnpublished();
        lookedUs = clock.nowUs();
      }
      waiting ??= source.next(drain);
      if (!source.pending) this.#flush();
      const timer = new AbortController();
      const wake = this.#until === undefined ? AbortSignal.any([timer.signal, finish]) : timer.signal;
      const transaction = await Promise.race([
        waiting,
        clock.sleep(checkpointer.waitMs(), wake).then(() => 'timer' as const),
      ]);
      timer.abort();
      if (transaction === 'timer') {
        await checkpointer.onTimer(this.#group);
        continue;
      }
      waiting = undefined;
      if (!transaction) break;
      await this.#apply(transaction, checkpointer);
      onProgress();
      checkpointer.sawTransaction();
      if (await this.#carryOut(transaction, checkpointer)) return 'reload';
      if (checkpointer.due) await checkpointer.begin(this.#group);
    }
    return 'stopped';
  }

  /** One transaction through every pipeline that wants it. A pipeline that cannot take it stops alone. */
  async #apply(transaction: Transaction, checkpointer: Checkpointer): Promise<void> {
    const active = [...this.#members.running()].filter(({ run }) => run.wants(transaction));
    const broken = new Map<Member, unknown>();
    for (const member of active) guard(broken, member, () => member.run.begin(transaction));
    for await (const changes of transaction.changes()) {
      for (const change of changes) {
        if (this.#control.take(change)) continue;
        for (const member of active) if (!broken.has(member)) guard(broken, member, () => member.run.apply(change));
      }
    }
    for (const member of active) {
      if (broken.has(member)) continue;
      try {
        await member.run.finish(transaction, this.#options.maxBufferedRecords);
      } catch (error) {
        broken.set(member, error);
      }
    }
    // What passes by itself (or comes of being aborted) ends the session, and its transactions come again.
    for (const error of broken.values()) if (this.#signals.abort.aborted || isRetryable(error)) throw error;
    if (broken.size > 0) await checkpointer.settle();
    for (const [member, error] of broken) await this.#members.fail(member, error);
  }

  /** The transaction's commands, now that its changes are applied. True: the stream must be opened anew. */
  async #carryOut(transaction: Transaction, checkpointer: Checkpointer): Promise<boolean> {
    const fresh = transaction.commitLsn > this.#group.commitLsn && transaction.commitLsn >= this.#group.snapshotLsn;
    let reload = false;
    const at = { lsn: transaction.commitLsn, commitTimeUs: transaction.commitTimeUs };
    const definitions = this.#control.takeAll();
    if (definitions.length > 0) await checkpointer.settle();
    for (const definition of definitions) {
      const member = this.#members.all.get(definition.id);
      if (await this.#members.adopt(definition, transaction)) continue;
      const known = member && {
        definition: member.run?.definition ?? member.checkpoint.definition,
        phase: member.run?.phase ?? member.checkpoint.phase,
      };
      const { run } = member ?? {};
      const inSnapshot = run?.hasInSnapshot(transaction) === true;
      const wanted = run !== undefined && (inSnapshot || (run.phase === 'live' && run.endLsn === transaction.endLsn));
      if (inSnapshot) run!.restartNumbers();
      for (const action of decideActions(known, definition, fresh, wanted)) {
        if (action.kind === 'redefine') {
          run?.announce(inForce(run.definition, action.definition), at, 'live');
          // Its claim is at its snapshot, above this commit: once another's claim has passed here, it would not come again.
          if (inSnapshot) await this.#members.save(definition.id);
        } else reload = (await this.#command(action, transaction)) || reload;
      }
    }
    if (fresh) this.#group = { ...this.#group, commitLsn: transaction.commitLsn, endLsn: transaction.endLsn };
    if (reload) await this.#ports.state.commit({ group: this.#group, pipelines: [] });
    return reload;
  }

  async #command(action: Exclude<ControlAction, { kind: 'redefine' }>, boundary: Transaction): Promise<boolean> {
    this.#ports.logger.info(
      { command: action.kind, pipeline: action.kind === 'drop' ? action.pipelineId : action.definition.name },
      'carrying out a command',
    );
    switch (action.kind) {
      case 'start':
        await this.#members.start(action.definition, boundary);
        return false;
      case 'drop':
        await this.#members.remove(action.pipelineId);
        return false;
      case 'pause':
        await this.#members.pause(action.definition.id);
        return false;
      case 'resume':
        if (await this.#members.resumeAtSnapshot(action.definition, boundary)) return false;
        if (await this.#members.resume(action.definition.id)) return true;
        if (this.#members.needsRebuild(action.definition.id)) {
          await this.#ports.warehouse.requestGeneration(action.definition.id, action.definition.generation + 1);
          return false;
        }
        await this.#members.start(action.definition, boundary);
        return false;
    }
  }

  /** The group's very first start: the pipelines that are defined by now are read in a snapshot; later ones come in the WAL. */
  async #firstStart(): Promise<void> {
    const { warehouse, state } = this.#ports;
    const definitions: PipelineDefinition[] = [];
    let lsn: Lsn;
    {
      await using snapshot = await warehouse.openSnapshot(this.#signals.abort);
      lsn = snapshot.lsn;
      const { controlTable, controlColumns } = this.#options;
      const columns = controlColumns.map((name) => ({ name, typeOid: 0, typmod: -1, identity: false }));
      const read = snapshot.read(
        { table: controlTable, columns: controlColumns, orderBy: ['id'], timezone: 'UTC' },
        this.#signals.abort,
      );
      for await (const rows of read)
        for (const row of rows) definitions.push(parsePipelineRow(cellsByName({ columns }, row)));
    }
    const group = { snapshotLsn: lsn, commitLsn: 0n, endLsn: lsn };
    let resumed = false;
    for (const definition of definitions) {
      const { id, generation } = definition;
      const here = await this.#wasHere(definition);
      resumed ||= here === 'resumed';
      if (here !== 'not here') continue;
      if (await warehouse.wasStarted(id, generation)) await warehouse.requestGeneration(id, generation + 1);
      else await this.#members.start(definition, group);
    }
    await state.commit({ pipelines: [], group });
    if (resumed) await this.#members.load();
  }

  /**
   * A pipeline that was started before this first start was cut off goes on from its own snapshot. What its definition became
   * since comes to it in the WAL, but for what the group does: those commits are in the group's snapshot, so it is done here.
   */
  async #wasHere(definition: PipelineDefinition): Promise<'not here' | 'here' | 'resumed'> {
    const { id, generation, desired } = definition;
    if (desired === 'dropped') {
      await this.#members.remove(id);
      return 'here';
    }
    const checkpoint = this.#members.all.get(id)?.checkpoint;
    if (checkpoint?.generation !== generation) return 'not here';
    const stands = checkpoint.phase === 'paused' || checkpoint.phase === 'failed';
    if (desired === 'paused') await this.#members.pause(id);
    else if (stands && definition.revision > checkpoint.definition.revision)
      return (await this.#members.resume(id)) ? 'resumed' : 'not here';
    return 'here';
  }

  #flush(): void {
    for (const { run } of this.#members.running()) run.publisher.flush();
  }

  #isCaughtUp(): boolean {
    return (
      this.#until !== undefined &&
      this.#group.endLsn >= this.#until &&
      [...this.#members.running()].every(({ run }) => run.endLsn >= this.#group.endLsn)
    );
  }

  #outcome(): ConnectorOutcome {
    const members = [...this.#members.all.values()];
    return {
      failed: members.filter((member) => member.state === 'failed' || member.state === 'needs rebuild').length,
      deadLetters: members.reduce((sum, member) => sum + (member.run?.transform.counts.deadLetters ?? 0), 0),
    };
  }
}

function guard(broken: Map<Member, unknown>, member: Member, work: () => void): void {
  try {
    work();
  } catch (error) {
    broken.set(member, error);
  }
}
