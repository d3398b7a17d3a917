// The pipelines of a group: which are here, how each is opened from its checkpoint, started from its tables, stopped, removed.

import type { Transaction } from '../flow/change.ts';
import type { PipelineDefinition } from '../flow/pipeline.ts';
import type { Lsn } from '../flow/lsn.ts';
import { comparePositions, type Position } from '../flow/position.ts';
import { isRetryable, MillraceError } from '../runtime/errors.ts';
import { failPoint } from '../runtime/fail-points.ts';
import type { PipelineCheckpoint } from '../state/state-store.ts';
import type { TopicWriter } from '../stream/log.ts';
import { topicMark } from '../stream/topic-name.ts';
import { compilePipeline, type ViewFacts } from '../transform/compile.ts';
import { openTransform } from '../transform/operators/open-transform.ts';
import type { TableInput } from '../transform/pipeline-transform.ts';
import { quoteTable } from '../warehouse/quoting.ts';
import { holdsSlot } from './attachment.ts';
import { backfill } from './backfill.ts';
import { asJudged, inForce } from './in-force.ts';
import {
  emptyCheckpoint,
  hasLetGo,
  inputsOf,
  isRunning,
  memberOf,
  rebuildHint,
  takesPart,
  topicOf,
  unmarkedTopics,
  wayOut,
  type Member,
} from './member.ts';
import type { ConnectorOptions, ConnectorPorts } from './ports.ts';
import { PipelineRun } from './pipeline-run.ts';
import { Publisher } from './publisher.ts';
import { sinkDefinitionOf } from './sink-definition.ts';

export class Members {
  readonly #ports: ConnectorPorts;
  readonly #options: ConnectorOptions;
  readonly #signal: AbortSignal;
  readonly all = new Map<number, Member>();

  constructor(ports: ConnectorPorts, options: ConnectorOptions, signal: AbortSignal) {
    this.#ports = ports;
    this.#options = options;
    this.#signal = signal;
  }

  /** Members that take part in the stream. */
  *running(): Iterable<Member & { run: PipelineRun }> {
    for (const member of this.all.values()) if (isRunning(member)) yield member;
  }

  /** Opens everything that the folder knows. A member that cannot be opened fails alone. */
  async load(): Promise<void> {
    await this.close();
    for (const checkpoint of this.#ports.state.checkpoints()) {
      const member = memberOf(checkpoint);
      this.all.set(checkpoint.pipelineId, member);
      if (checkpoint.phase === 'claimed') {
        // A snapshot was being read and is gone: the tables are read anew, under a new generation.
        await this.#ports.warehouse.requestGeneration(checkpoint.pipelineId, checkpoint.generation + 1);
        continue;
      }
      if (checkpoint.phase === 'live') await this.#isolated(member, () => this.#open(member));
      else if (holdsSlot(checkpoint)) member.inputs = inputsOf(checkpoint);
    }
  }

  async #open(member: Member): Promise<PipelineRun> {
    const { checkpoint } = member;
    const plan = compilePipeline(JSON.parse(checkpoint.viewFacts) as ViewFacts, asJudged(checkpoint.definition));
    if (plan.hash !== checkpoint.planHash) {
      throw new MillraceError(
        'STATE_LOST',
        `this version of Millrace compiles the views of ${checkpoint.definition.name} in another way than the one that built its state`,
        {
          hint: `Run \`select millrace.rebuild('${checkpoint.definition.name}')\`.`,
          pipeline: checkpoint.definition.name,
        },
      );
    }
    const writer = await this.#ports.log.openWriter(topicOf(this.#options.group, checkpoint), checkpoint.tails.length);
    const tails = await tailsOf(writer, checkpoint);
    const { pipelineId, generation } = checkpoint;
    member.inputs = inputsOf(checkpoint);
    const transform = openTransform({
      plan,
      definition: checkpoint.definition,
      state: { entries: (space) => this.#ports.state.entries(pipelineId, generation, space) },
    });
    const publisher = this.#publisher(writer, tails);
    const run = new PipelineRun({ checkpoint, plan, transform, publisher, partitions: writer.partitions });
    member.run = run;
    return run;
  }

  /**
   * Starts a generation from the tables: describes and compiles the views, makes the publication cover them, reads a snapshot,
   * publishes what it says. Returns when everything up to the snapshot is durable. The group's stream stands meanwhile.
   */
  async start(definition: PipelineDefinition, boundary: Pick<Transaction, 'endLsn'>): Promise<void> {
    await this.remove(definition.id);
    const { warehouse, state, log } = this.#ports;
    const member = memberOf(emptyCheckpoint(definition, this.#options.partitions, topicMark(state.identity!.folderId)));
    // Assigned in this way, it is not taken for what it still is further down.
    Object.assign(member, { state: 'starting' });
    this.all.set(definition.id, member);
    await this.#isolated(member, async () => {
      const viewFacts = await warehouse.describe(definition);
      const plan = compilePipeline(JSON.parse(viewFacts) as ViewFacts, definition);
      const checkpoint: PipelineCheckpoint = {
        ...member.checkpoint,
        viewFacts,
        planHash: plan.hash,
        endLsn: boundary.endLsn,
      };
      await this.#ports.checkDefinition(sinkDefinitionOf(definition, plan));
      const transform = openTransform({ plan, definition });
      member.inputs = transform.inputs;
      // Publishing adds again what went missing; by then it must be known who has missed something.
      await this.letGoUnpublished();
      await warehouse.publish(this.inputsWith(transform.inputs));
      await state.commit({ pipelines: [{ checkpoint: { ...checkpoint, phase: 'claimed' }, entries: [] }] });
      failPoint('connector.claimed');
      const writer = await log.openWriter(topicOf(this.#options.group, checkpoint), this.#options.partitions);
      await refuseRecords(writer, definition);
      const publisher = this.#publisher(writer, new Array<undefined>(writer.partitions).fill(undefined));
      const run = new PipelineRun({ checkpoint, plan, transform, publisher, partitions: writer.partitions });
      await this.#backfill(member, run);
    });
    // It may also be here and paused, as its definition asked.
    if (!member.run && member.state !== 'paused') await this.#saveStopped(member);
  }

  async #backfill(member: Member, run: PipelineRun): Promise<void> {
    const { warehouse, state } = this.#ports;
    await using snapshot = await warehouse.openSnapshot(this.#signal);
    member.state = 'backfilling';
    const at = { lsn: 0n, commitTimeUs: snapshot.takenAtUs };
    run.announce(run.definition, at, run.definition.backfill === 'learn' ? 'backfill' : 'live');
    await backfill({
      run,
      snapshot,
      signal: this.#signal,
      maxBuffered: this.#options.maxBufferedRecords,
      onProgress: (done, total) => Object.assign(member, { backfillDone: done, backfillTotal: total }),
      onChunk: async () => {
        const { checkpoint, entries } = run.take();
        if (entries.length > 0)
          await state.commit({ pipelines: [{ checkpoint: { ...checkpoint, phase: 'claimed' }, entries }] });
      },
    });
    run.announce(run.definition, at, 'live');
    await run.publisher.drained();
    run.move({ phase: 'live', snapshotLsn: snapshot.lsn, commitLsn: 0n, endLsn: snapshot.lsn });
    const { checkpoint, entries } = run.take();
    await state.commit({ pipelines: [{ checkpoint, entries }] });
    failPoint('connector.backfilled');
    Object.assign(member, { run, checkpoint, state: 'running', backfillDone: undefined, backfillTotal: undefined });
    if (run.definition.desired === 'paused') await this.pause(run.id);
  }

  /** Stops taking part, with everything so far durable. The slot stays where it is. */
  async pause(pipelineId: number): Promise<void> {
    const member = this.all.get(pipelineId);
    if (!member?.run) return;
    member.run.move({ phase: 'paused' });
    await this.#save(member.run, member);
    await member.run.publisher.close();
    member.run = undefined;
    member.state = 'paused';
  }

  /**
   * A definition that changed while the snapshot of a pipeline was taken, which stands paused since: whether that commit comes
   * again depends on the others' claims, so it is taken over now; the resume tells the sink of it. True: nothing else is to be done.
   */
  async adopt(definition: PipelineDefinition, { commitLsn }: Pick<Transaction, 'commitLsn'>): Promise<boolean> {
    const member = this.all.get(definition.id);
    if (member?.checkpoint.phase !== 'paused' || definition.desired !== 'paused') return false;
    const { checkpoint } = member;
    const newer = definition.revision > checkpoint.definition.revision;
    if (definition.generation !== checkpoint.generation || !newer || commitLsn >= checkpoint.snapshotLsn) return false;
    member.checkpoint = { ...checkpoint, definition: inForce(checkpoint.definition, definition) };
    await this.#ports.state.commit({ pipelines: [{ checkpoint: member.checkpoint, entries: [] }] });
    return true;
  }

  /**
   * Lets a paused or failed pipeline take part again. True: reload and reopen the stream from the lowest checkpoint, so that
   * what it missed comes again. False: it had nothing to go on from, and must be started.
   */
  async resume(pipelineId: number): Promise<boolean> {
    const member = this.all.get(pipelineId);
    if (!member || member.checkpoint.endLsn === 0n) return false;
    const checkpoint: PipelineCheckpoint = { ...member.checkpoint, phase: 'live', reason: undefined, hint: undefined };
    await this.#ports.state.commit({ pipelines: [{ checkpoint, entries: [] }] });
    return true;
  }

  /**
   * Lets a pipeline go on that stands at its snapshot, by a commit that the snapshot has already: it missed nothing, and whether
   * that commit comes again depends on the others' claims, so its definition is told to the sink now. False: it stands elsewhere.
   */
  async resumeAtSnapshot(definition: PipelineDefinition, transaction: Transaction): Promise<boolean> {
    const member = this.all.get(definition.id);
    if (!member || !holdsSlot(member.checkpoint) || transaction.commitLsn >= member.checkpoint.snapshotLsn)
      return false;
    member.checkpoint = { ...member.checkpoint, phase: 'live', reason: undefined, hint: undefined };
    await this.#isolated(member, async () => {
      const run = await this.#open(member);
      const at = { lsn: transaction.commitLsn, commitTimeUs: transaction.commitTimeUs };
      run.announce(inForce(run.definition, definition), at, 'live');
      await this.#save(run, member);
      Object.assign(member, { state: 'running', reason: undefined, hint: undefined });
    });
    return true;
  }

  /** Saves where one pipeline stands, by itself. No checkpoint may be in flight. */
  async save(pipelineId: number): Promise<void> {
    const member = this.all.get(pipelineId);
    if (member?.run) await this.#save(member.run, member);
  }

  async #save(run: PipelineRun, member: Member): Promise<void> {
    await run.publisher.drained();
    const { checkpoint, entries } = run.take();
    await this.#ports.state.commit({ pipelines: [{ checkpoint, entries }] });
    member.checkpoint = checkpoint;
  }

  needsRebuild(pipelineId: number): boolean {
    const member = this.all.get(pipelineId);
    return member !== undefined && hasLetGo(member.checkpoint);
  }

  /** A paused or failed pipeline that holds more WAL than its budget lets go: one pipeline never fills the disk for all. */
  async enforceBudget(groupEnd: Lsn): Promise<void> {
    for (const member of this.all.values()) {
      const { checkpoint } = member;
      if (member.run || !holdsSlot(checkpoint) || groupEnd - checkpoint.endLsn <= BigInt(this.#options.walBudgetBytes))
        continue;
      const reason = `it stood still until the slot held more WAL for it than its budget of ${this.#options.walBudgetBytes} bytes`;
      await this.#letGo(member, reason, rebuildHint(checkpoint));
    }
  }

  /**
   * A pipeline that reads a table which has left the publication stops: what was changed there since is nowhere in the stream,
   * so it could only go on with what is no longer so. No checkpoint may be in flight.
   */
  async letGoUnpublished(): Promise<void> {
    const inputs = this.inputsWith([]);
    if (inputs.length === 0) return;
    const missing = await this.#ports.warehouse.missing(inputs);
    if (missing.length === 0) return;
    for (const member of this.all.values()) {
      const reads = member.inputs.map(({ table }) => quoteTable(table));
      const gone = missing.find(({ table }) => reads.includes(quoteTable(table)));
      if (gone === undefined || !takesPart(member)) continue;
      await member.run?.publisher.close().catch(() => {});
      member.run = undefined;
      const reason = `${quoteTable(gone.table)} ${gone.reason}`;
      const hint = `Create its view again if that went with it. ${rebuildHint(member.checkpoint)}`;
      await this.#letGo(member, reason, hint);
    }
  }

  /** It holds the slot no more, and can only be built anew. */
  async #letGo(member: Member, reason: string, hint: string): Promise<void> {
    const { checkpoint } = member;
    Object.assign(member, { state: 'needs rebuild', reason, hint });
    member.checkpoint = { ...checkpoint, phase: 'failed', endLsn: 0n, reason, hint };
    await this.#ports.state.commit({ pipelines: [{ checkpoint: member.checkpoint, entries: [] }] });
    this.#ports.logger.warn({ pipeline: checkpoint.definition.name, reason }, 'a pipeline let go of its WAL');
  }

  /** Removes a pipeline's state and topic, whatever is left of them. */
  async remove(pipelineId: number): Promise<void> {
    const member = this.all.get(pipelineId);
    if (!member) return;
    member.state = 'dropping';
    await member.run?.publisher.close().catch(() => {});
    const { pipelineId: id, generation } = member.checkpoint;
    // Before it goes: somebody else's older version might make one of the same name.
    if (member.checkpoint.mark === undefined)
      await this.#ports.warehouse.claimTopics(unmarkedTopics(this.#ports.state).filter((one) => one.pipelineId !== id));
    await this.#ports.log.remove(topicOf(this.#options.group, member.checkpoint));
    await this.#ports.state.commit({ pipelines: [], remove: [{ pipelineId: id, generation }] });
    this.all.delete(pipelineId);
  }

  /** One pipeline stops, with its reason; what it holds in memory is no longer trusted. */
  async fail(member: Member, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    this.#ports.logger.error({ pipeline: member.checkpoint.definition.name, reason, err: error }, 'a pipeline stopped');
    await member.run?.publisher.close().catch(() => {});
    member.run = undefined;
    Object.assign(member, { state: 'failed', reason, hint: wayOut(member.checkpoint, error) });
    await this.#saveStopped(member);
  }

  /** Everything that some pipeline reads, and what one more would. */
  inputsWith(more: readonly TableInput[]): TableInput[] {
    const inputs = [...more];
    for (const member of this.all.values()) if (takesPart(member)) inputs.push(...member.inputs);
    return inputs;
  }

  async close(): Promise<void> {
    for (const member of this.all.values()) await member.run?.publisher.close().catch(() => {});
    this.all.clear();
  }

  async #isolated(member: Member, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // What passes by itself ends the session, which comes back; a snapshot cut off is then read anew.
      if (this.#signal.aborted || isRetryable(error)) throw error;
      await this.fail(member, error);
    }
  }

  /** Keeps the reason in the folder, and the claim where the last checkpoint had it. */
  async #saveStopped(member: Member): Promise<void> {
    const saved = this.#ports.state.checkpoints().find((one) => one.pipelineId === member.checkpoint.pipelineId);
    const base =
      saved?.generation === member.checkpoint.generation && saved.phase !== 'claimed'
        ? saved
        : { ...member.checkpoint, endLsn: 0n };
    member.checkpoint = { ...base, phase: 'failed', reason: member.reason, hint: member.hint };
    await this.#ports.state.commit({ pipelines: [{ checkpoint: member.checkpoint, entries: [] }] });
  }

  #publisher(writer: TopicWriter, tails: readonly (Position | undefined)[]): Publisher {
    const { clock, random, logger } = this.#ports;
    return new Publisher({ writer, tails, clock, random, logger, signal: this.#signal });
  }
}

/** What each partition has. A topic that lacks what we know to be durable in it is not the one we left. */
async function tailsOf(writer: TopicWriter, checkpoint: PipelineCheckpoint): Promise<(Position | undefined)[]> {
  const tails: (Position | undefined)[] = [];
  for (let partition = 0; partition < writer.partitions; partition++) {
    const known = checkpoint.tails[partition];
    const found = await writer.tail(partition);
    if (known && (!found || comparePositions(found, known) < 0)) {
      throw new MillraceError(
        'TOPIC_CHANGED',
        `partition ${partition} of the topic of ${checkpoint.definition.name} lacks records that were written to it`,
        {
          hint: `If the topic was removed or replaced: \`select millrace.rebuild('${checkpoint.definition.name}')\`.`,
          pipeline: checkpoint.definition.name,
        },
      );
    }
    tails.push(found);
  }
  return tails;
}

/** A generation starts once, and its topic has our folder's mark: what is there was not written by us. */
async function refuseRecords(writer: TopicWriter, { name }: PipelineDefinition): Promise<void> {
  for (let partition = 0; partition < writer.partitions; partition++) {
    if ((await writer.tail(partition)) === undefined) continue;
    throw new MillraceError('TOPIC_CHANGED', `the topic of ${name} has records already, though ${name} only starts`, {
      hint: `Something else wrote to it. \`select millrace.rebuild('${name}')\` starts over with a new topic.`,
      pipeline: name,
    });
  }
}
