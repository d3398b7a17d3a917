// Reads the tables of a new pipeline as they were at one point of the stream, and plays them in event-time order as if they had
// just happened: state is built, records are published, and each label comes when it would have come (at its label_at, else
// when the label wait was over, else right after its row). Otherwise a payment of two years ago would wait for its label while
// its neighbours' chargebacks train a model that has seen only fraud.

import type { Change, Relation, Row } from '../flow/change.ts';
import type { Emission, KeyText, LabelEmission } from '../flow/record.ts';
import { failPoint } from '../runtime/fail-points.ts';
import type { BackfillSnapshot } from '../source/source.ts';
import type { TableInput } from '../transform/pipeline-transform.ts';
import { LabelSchedule } from './label-schedule.ts';
import type { PipelineRun } from './pipeline-run.ts';

export interface BackfillOptions {
  readonly run: PipelineRun;
  readonly snapshot: BackfillSnapshot;
  readonly signal: AbortSignal;
  readonly maxBuffered: number;
  /** Rows done and in all (an estimate), now and then. */
  readonly onProgress: (done: number, total: number) => void;
  /** Called at row boundaries; may save what was done so far. */
  readonly onChunk: () => Promise<void>;
}

/** Runs to the end, or rejects with the signal's reason. Afterwards every record is queued, not necessarily durable. */
export async function backfill(options: BackfillOptions): Promise<void> {
  if (options.run.definition.backfill === 'none') return;
  await new Backfill(options).run();
}

class Backfill {
  readonly #options: BackfillOptions;
  readonly #run: PipelineRun;
  readonly #schedule: LabelSchedule;
  readonly #at: { readonly lsn: bigint; readonly commitTimeUs: number };
  /** `state`: the past builds state, but is neither scored nor learned. */
  readonly #silent: boolean;
  #done = 0;

  constructor(options: BackfillOptions) {
    this.#options = options;
    this.#run = options.run;
    const { definition } = options.run;
    this.#silent = definition.backfill === 'state';
    this.#schedule = new LabelSchedule(definition.labelWaitUs);
    this.#at = { lsn: 0n, commitTimeUs: options.snapshot.takenAtUs };
  }

  async run(): Promise<void> {
    const { inputs } = this.#run.transform;
    const driving = inputs.find((input) => input.role === 'driving')!;
    for (const input of inputs) {
      if (input.role !== 'driving' && !sameTable(input, driving)) await this.#load(input);
    }
    await this.#play(driving);
    this.#emitLabels(this.#schedule.takeRest());
    const clockUs = this.#run.definition.clock === 'commit' ? this.#at.commitTimeUs : this.#run.transform.clockUs;
    if (!this.#silent) this.#run.progress(this.#at, 'backfill', clockUs);
    await this.#run.publisher.room(this.#options.maxBuffered);
  }

  /** A table that the driving rows look into, or that labels come from: whole, before the first driving row. */
  async #load(input: TableInput): Promise<void> {
    const { run, snapshot, signal } = this.#options;
    const relation = run.transform.relationOf(input);
    const request = { table: input.table, columns: input.columns, orderBy: [], timezone: run.definition.timezone };
    for await (const rows of snapshot.read(request, signal)) {
      run.transform.begin(snapshot.takenAtUs, true);
      for (const row of rows) run.transform.apply(inserted(relation, row));
      this.#accept(run.transform.finish(), null);
      await this.#options.onChunk();
    }
  }

  /** Driving rows, all of one event time together: they are peers in every frame. */
  async #play(driving: TableInput): Promise<void> {
    const { run, snapshot, signal, onProgress } = this.#options;
    const { transform, definition } = run;
    const relation = transform.relationOf(driving);
    const total = await snapshot.estimate(driving.table);
    const { from, orderBy } = transform.scan;
    const request = { table: driving.table, columns: driving.columns, from, orderBy, timezone: definition.timezone };
    let peers: Row[] = [];
    let peersUs: number | null = null;
    for await (const rows of snapshot.read(request, signal)) {
      for (const row of rows) {
        const timeUs = transform.eventTimeUsOf(row);
        if (peers.length > 0 && (timeUs !== peersUs || timeUs === null)) {
          await this.#step(relation, peers, peersUs);
          peers = [];
        }
        peers.push(row);
        peersUs = timeUs;
      }
      onProgress(this.#done + peers.length, Math.max(total, this.#done + peers.length));
      await this.#options.onChunk();
      failPoint('connector.backfill_chunk');
    }
    if (peers.length > 0) await this.#step(relation, peers, peersUs);
    onProgress(this.#done, this.#done);
  }

  async #step(relation: Relation, rows: readonly Row[], timeUs: number | null): Promise<void> {
    const { run, maxBuffered } = this.#options;
    run.transform.begin(this.#at.commitTimeUs, true);
    for (const row of rows) run.transform.apply(inserted(relation, row));
    const emissions = run.transform.finish();
    if (timeUs !== null) this.#emitLabels(this.#schedule.takeUntil(timeUs));
    if (!this.#silent && timeUs !== null)
      run.progress(this.#at, 'backfill', Math.min(run.transform.clockUs, this.#at.commitTimeUs));
    this.#accept(emissions, timeUs);
    this.#done += rows.length;
    if (run.publisher.backlog > maxBuffered) await run.publisher.room(maxBuffered);
  }

  /** Publishes rows, and puts each label where it belongs in time. */
  #accept(emissions: readonly Emission[], timeUs: number | null): void {
    const rows: KeyText[] = [];
    for (const emission of emissions) {
      if (emission.kind === 'label') {
        this.#schedule.add(emission);
      } else if (!this.#silent) {
        this.#run.emit(emission, this.#at);
        this.#run.rows += 1;
      }
      if (emission.kind === 'features' || emission.kind === 'dead_letter')
        if (emission.key !== null) rows.push(emission.key);
    }
    for (const key of rows) this.#emitLabels(this.#schedule.rowPassed(key, timeUs));
  }

  /** Labels reach the sink also where rows are silent: a later version of the row will want them. */
  #emitLabels(labels: Iterable<LabelEmission>): void {
    for (const label of labels) this.#run.emit(label, this.#at);
  }
}

function inserted(relation: Relation, row: Row): Change {
  return { kind: 'insert', relation, old: undefined, new: row };
}

function sameTable(a: TableInput, b: TableInput): boolean {
  return a.table.schema === b.table.schema && a.table.name === b.table.name;
}
