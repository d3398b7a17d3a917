// One partition of a pipeline: read, fold, write, in order. While a batch is being written the next is read and folded over what
// the first will have stored; one write is in flight at most.

import { isAfter } from '../flow/position.ts';
import type { SinkDefinition } from '../flow/pipeline.ts';
import type { StoredRecord } from '../flow/record.ts';
import { BackOff } from '../runtime/back-off.ts';
import { isRetryable, MillraceError } from '../runtime/errors.ts';
import { failPoint } from '../runtime/fail-points.ts';
import { planRead } from '../scores/due-rows.ts';
import type { ExpiryRange } from '../scores/expiry.ts';
import { mostExamples } from '../scores/example-count.ts';
import { foldBatch } from '../scores/fold.ts';
import type { Overlay } from '../scores/fold-request.ts';
import type { PartitionId, PartitionState, WriteSet } from '../scores/score-store.ts';
import type { AlertWhen } from '../scores/scorer.ts';
import type { LogBatch, TopicReader } from '../stream/log.ts';
import { alertGoalOf } from './alert-goal.ts';
import type { Learning } from './learning.ts';
import type { SinkPorts } from './ports.ts';
import { keepFormer, stolen } from './refusal.ts';
import { RowExpiry } from './row-expiry.ts';

export interface PartitionOptions {
  readonly ports: SinkPorts;
  readonly id: PartitionId;
  readonly reader: TopicReader;
  readonly state: PartitionState;
  /** The pipeline's model, opened by whoever first has a definition. */
  readonly learning: (definition: SinkDefinition) => Promise<Learning>;
  /** Writes of a pipeline's partitions go one after another: their checkpoints follow each other. */
  readonly inTurn: (write: () => Promise<void>) => Promise<void>;
  readonly committed: (progress: BatchProgress) => void;
  /** The warehouse is away; the same is tried again. */
  readonly waits: (error: unknown) => void;
  /** Stop deleting what has expired: it can be done after the next start. */
  readonly stopExpiry: AbortSignal;
  /** Drop it now: a write that fails is not tried again. */
  readonly abort: AbortSignal;
}

export interface BatchProgress {
  readonly nextOffset: number;
  readonly endOffset: number;
  readonly appliedUs: number | undefined;
  readonly scored: number;
  readonly deadLetters: number;
  readonly refused: SinkDefinition['refused'];
}

/** A definition in force, and its alert. */
interface Compiled {
  readonly definition: SinkDefinition;
  readonly alertWhen: AlertWhen | undefined;
}

interface Segment {
  readonly records: readonly StoredRecord[];
  readonly nextOffset: number;
}

export class PartitionLoop {
  readonly #options: PartitionOptions;
  #state: PartitionState;
  #inFlight: { readonly done: Promise<void>; readonly overlay: Overlay } | undefined;
  readonly #broken = new AbortController();
  #compiledLast: Compiled | undefined;
  readonly #expiry: RowExpiry;

  constructor(options: PartitionOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#expiry = new RowExpiry({
      expire: (range, limit) => this.#expire(range, limit),
      stop: options.stopExpiry,
      failed: () => this.#broken.abort(),
    });
  }

  /** Offset up to which all is applied, or being written. */
  get nextOffset(): number {
    return this.#state.nextOffset;
  }

  /** Reads until `signal` aborts; what is in hand is then written. */
  async run(signal: AbortSignal): Promise<void> {
    const { reader, id } = this.#options;
    this.#expiry.through(this.#state.expired);
    try {
      const until = AbortSignal.any([signal, this.#broken.signal]);
      for await (const batch of reader.read(id.partition, this.#state.nextOffset, until)) {
        for (const segment of segmentsOf(batch)) if (!(await this.#process(segment, batch, signal))) return;
        if (signal.aborted) break;
      }
    } finally {
      await this.#inFlight?.done;
      await this.#expiry.settled();
    }
  }

  /** False: it was stopped before it could be processed, so it is read again. */
  async #process(segment: Segment, batch: LogBatch, stop: AbortSignal): Promise<boolean> {
    const { ports, id, reader, abort } = this.#options;
    const state = this.#state;
    const records = segment.records.filter((record) => isAfter(record.position, state.position));
    const asked = definitionOf(records[0]) ?? state.definition;
    if (asked === undefined) {
      if (records.length === 0) return true;
      throw new MillraceError('RECORD_INVALID', 'the first record of the topic has no definition of its pipeline', {
        hint: 'The topic is not whole. `select millrace.rebuild(name)` starts it over.',
      });
    }
    // A version that it promotes, or rows that a model is trained on, may be of the batch before.
    if ((asked.promote ?? asked.retrain) !== undefined && asked !== state.definition) await this.#inFlight?.done;
    const learning = await this.#options.learning(asked);
    const { definition, alertWhen } = await this.#compiled(
      await learning.redefine(asked, { partition: id.partition, state }),
      state.definition,
    );
    const overlay = this.#inFlight?.overlay;
    const reads = await this.#retrying(() => ports.store.read(id, definition, planRead(state, definition, records)));
    abort.throwIfAborted();
    const pending = learning.pending(id.partition);
    const most = (): number => mostExamples({ definition, records, reads, overlay, pending });
    if (!(await this.#retrying(() => learning.retraining.prepare(most, stop)))) return false;
    abort.throwIfAborted();
    const folded = foldBatch({
      id,
      state,
      definition,
      records,
      nextOffset: segment.nextOffset,
      reads,
      overlay,
      scorer: learning,
      pending,
      alertWhen,
      alertJudge: learning.judge(definition, { number: id.partition, of: reader.partitions }, state.alerting),
      nowUs: ports.clock.nowUs(),
    });
    this.#state = folded.writes.next;
    await this.#inFlight?.done;
    // Taken in the order of the writes: each checkpoint follows the one before, also where another partition took that.
    const writes = { ...folded.writes, ...learning.takeSaved(id.partition, folded.writes.examples) };
    const progress: BatchProgress = {
      nextOffset: segment.nextOffset,
      endOffset: batch.endOffset,
      appliedUs: records.at(-1)?.commitTimeUs,
      scored: folded.scored,
      deadLetters: writes.deadLetters.length,
      refused: definition.refused,
    };
    const done = this.#options.inTurn(() => this.#write(definition, writes, progress));
    // Awaited by the next batch or at the end; a failure ends the wait for more records, which may never come.
    done.catch(() => this.#broken.abort());
    this.#inFlight = { done, overlay: folded.overlay };
    return true;
  }

  async #write(definition: SinkDefinition, writes: WriteSet, progress: BatchProgress): Promise<void> {
    const { ports, id, reader } = this.#options;
    failPoint('sink.folded');
    const result = await this.#retrying(() => ports.store.write(id, definition, writes));
    if (result === 'stolen') throw stolen();
    failPoint('sink.committed');
    if (writes.checkpoint !== undefined) failPoint('sink.model-saved');
    await reader.committed(id.partition, progress.nextOffset);
    failPoint('sink.acknowledged');
    this.#options.committed(progress);
    this.#expiry.through(writes.next.expired);
  }

  async #expire(range: ExpiryRange, limit: number): Promise<number> {
    const { ports, id, inTurn } = this.#options;
    let gone = 0;
    await inTurn(async () => {
      gone = await this.#retrying(() => ports.store.expire(id, this.#state.definition!, range, limit));
    });
    return gone;
  }

  /** The same attempt again while its failure is a passing one. */
  async #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const { ports, abort, waits } = this.#options;
    const backOff = new BackOff({ firstMs: 100, capMs: 10_000, random: ports.random });
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!isRetryable(error) || abort.aborted) throw error;
        waits(error);
        await ports.clock.sleep(backOff.next(), abort);
        abort.throwIfAborted();
      }
    }
  }

  /** With its alert; a changed one that cannot be compiled leaves the former in force. */
  async #compiled(asked: SinkDefinition, former: SinkDefinition | undefined): Promise<Compiled> {
    if (this.#compiledLast?.definition.revision === asked.revision) return this.#compiledLast;
    const { compileAlert } = this.#options.ports;
    let definition = asked;
    let alertWhen: AlertWhen | undefined;
    try {
      alertWhen = alertGoalOf(asked) ? undefined : await compileAlert(asked);
    } catch (error) {
      if (former === undefined || former.revision === asked.revision) throw error;
      definition = keepFormer(asked, { alertWhen: former.alertWhen }, error);
      alertWhen = alertGoalOf(definition) ? undefined : await compileAlert(definition);
    }
    this.#compiledLast = { definition, alertWhen };
    return this.#compiledLast;
  }
}

/** A batch, cut before each record that brings a definition: it is in force for a whole fold. */
function segmentsOf(batch: LogBatch): Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  for (const [index, record] of batch.records.entries()) {
    if (index === from || definitionOf(record) === undefined) continue;
    segments.push({ records: batch.records.slice(from, index), nextOffset: record.offset });
    from = index;
  }
  segments.push({ records: from === 0 ? batch.records : batch.records.slice(from), nextOffset: batch.nextOffset });
  return segments;
}

function definitionOf(record: StoredRecord | undefined): SinkDefinition | undefined {
  return record?.body.kind === 'progress' ? record.body.definition : undefined;
}
