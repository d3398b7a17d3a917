// One schedule: a world in which everything goes wrong, and beside it one in which nothing does, over the very same history.

import { lowestClaim } from '../../src/connector/attachment.ts';
import type { PipelineDefinition } from '../../src/flow/pipeline.ts';
import { formatLsn, type Lsn } from '../../src/flow/lsn.ts';
import { Shop } from './history.ts';
import type { Recording } from './memory-warehouse.ts';
import { PIPELINES, type Fixtures } from './pipelines.ts';
import { Life, Scheduler } from './scheduler.ts';
import { World, type Process } from './world.ts';

export const START_US = Date.UTC(2026, 0, 1) * 1000;

/** What is drawn for a schedule before it begins. */
export interface Plan {
  readonly seed: number;
  readonly partitions: number;
  readonly transactions: number;
  readonly kills: number;
  readonly commands: number;
  readonly breaks: number;
  readonly stalls: number;
  readonly lateByUs: number;
  /**
   * Commands come also before the group's first start is done. What a first start that is cut off and begun again makes of them
   * depends on the moment (each pipeline then has a snapshot of its own), so such a run is judged by its tables alone.
   */
  readonly early: boolean;
}

export interface Disturbed {
  readonly plan: Plan;
  readonly world: World;
  readonly recording: Recording;
  readonly definitions: readonly PipelineDefinition[];
  readonly kills: number;
  readonly commands: number;
}

export function planOf(seed: number): Plan {
  const scheduler = new Scheduler(seed ^ 0x5bd1e995, 0);
  return {
    seed,
    partitions: scheduler.chance(0.2) ? 4 : 1,
    transactions: scheduler.between(6, 36),
    kills: scheduler.between(0, 9),
    commands: scheduler.chance(0.3) ? 0 : scheduler.between(1, 8),
    breaks: scheduler.pick([0, 0, 0.01, 0.03]),
    stalls: scheduler.pick([0, 0.005, 0.02]),
    lateByUs: scheduler.pick([5_000_000, 86_400_000_000]),
    early: scheduler.chance(0.1),
  };
}

type Which = 'connector' | 'sink';

const MAX_STEPS = 200_000;

/** Runs the schedule to its quiet end. */
export async function disturb(plan: Plan, fixtures: Fixtures): Promise<Disturbed> {
  const scheduler = new Scheduler(plan.seed, START_US);
  const world = new World(scheduler, fixtures, plan.partitions);
  const run = new Disturbance(plan, world);
  const { warehouse, folder } = world;
  await run.toItsEnd();
  const { group } = folder.durable;
  return {
    plan,
    world,
    recording: {
      wal: warehouse.wal.filter(({ endLsn }) => endLsn <= group!.endLsn),
      slot: warehouse.slotMade!,
      snapshots: warehouse.snapshots,
    },
    definitions: PIPELINES.map(({ id }) => warehouse.definition(id)!).filter(({ desired }) => desired !== 'dropped'),
    kills: run.kills,
    commands: run.commands,
  };
}

/** The same history, all of it there from the start, and nothing goes wrong. */
export async function undisturbed({ plan, recording }: Disturbed, fixtures: Fixtures): Promise<World> {
  const scheduler = new Scheduler(1, START_US);
  const world = new World(scheduler, fixtures, plan.partitions, recording);
  const connector = world.startConnector();
  connector.finish();
  await scheduler.run(() => connector.ended, MAX_STEPS);
  const sink = world.startSink();
  sink.finish();
  await scheduler.run(() => sink.ended, MAX_STEPS);
  return world;
}

class Disturbance {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #shop: Shop;
  #connector: Process | undefined;
  #sink: Process | undefined;
  /** The owner has done everything. */
  #historyEnded = false;
  readonly #finished = new Set<Which>();
  /** Nothing is killed any more. */
  #calm = false;
  kills = 0;
  commands = 0;

  constructor(plan: Plan, world: World) {
    this.#plan = plan;
    this.#world = world;
    this.#shop = new Shop(world.scheduler, world.warehouse);
    world.warehouse.onAcknowledge = (endLsn) => this.#checkClaim(endLsn);
  }

  async toItsEnd(): Promise<void> {
    const { scheduler, weather } = this.#world;
    weather.breaks = this.#plan.breaks;
    weather.stalls = this.#plan.stalls;
    const spread = scheduler.between(5, 70) * 1_000_000;
    this.#live(() => this.#history(spread));
    this.#live(() => this.#supervise('connector'));
    this.#live(() => this.#supervise('sink'));
    this.#live(() => this.#strike(spread));
    await scheduler.run(() => this.#historyEnded && this.#calm, MAX_STEPS);
    weather.breaks = 0;
    weather.stalls = 0;
    await this.#finish('connector');
    await this.#finish('sink');
  }

  #process(which: Which): Process | undefined {
    return which === 'connector' ? this.#connector : this.#sink;
  }

  /** Everything that is there is processed; a process that had ended is started again by its supervisor before. */
  async #finish(which: Which): Promise<void> {
    const { scheduler } = this.#world;
    let asked: Process | undefined;
    await scheduler.run(() => {
      const now = this.#process(which);
      if (now !== undefined && now.life.alive && now !== asked && !now.ended && !now.stopping) {
        asked = now;
        now.finish();
      }
      if (asked?.ended !== true || asked.failed || asked !== now) return false;
      this.#finished.add(which);
      return true;
    }, MAX_STEPS);
  }

  #live(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#world.scheduler.fail(error));
  }

  async #history(spreadUs: number): Promise<void> {
    const { scheduler, warehouse, folder } = this.#world;
    const owner = new Life(scheduler, { breaks: 0, stalls: 0 });
    const { transactions, commands, lateByUs, early } = this.#plan;
    const ids: number[] = [];
    const define = (definition: PipelineDefinition): void => {
      warehouse.define({ ...definition, lateByUs });
      ids.push(definition.id);
    };
    const before = scheduler.pick([0, 3, 12]);
    // Tables that the connector has not published yet: their rows are in its snapshots alone.
    for (let count = 0; count < before; count++) this.#shop.transaction();
    const first = PIPELINES.filter(() => scheduler.chance(0.7));
    for (const definition of first) define(definition);
    const later = PIPELINES.filter((definition) => !first.includes(definition));
    const events: { readonly run: () => void; readonly command: boolean }[] = [];
    const insert = (run: () => void, isCommand = true): void => {
      events.splice(scheduler.between(0, events.length), 0, { run, command: isCommand });
    };
    for (let count = 0; count < transactions; count++) insert(() => this.#shop.transaction(), false);
    for (const definition of later) insert(() => define(definition));
    for (let count = 0; count < commands; count++)
      insert(() => {
        if (ids.length === 0) return;
        this.#shop.command(ids);
        this.commands += 1;
      });
    const gapUs = Math.ceil(spreadUs / events.length);
    for (const event of events) {
      // Now and then several commits at one moment.
      if (scheduler.chance(0.8)) await owner.pause(0, 2 * gapUs);
      while (event.command && !early && !folder.durable.group) await owner.pause(0, gapUs);
      event.run();
    }
    this.#historyEnded = true;
  }

  /** Starts it, and again whenever it is gone. */
  async #supervise(which: Which): Promise<void> {
    const { scheduler } = this.#world;
    const supervisor = new Life(scheduler, { breaks: 0, stalls: 0 });
    for (;;) {
      await supervisor.pause(0, 2_000_000);
      if (this.#finished.has(which)) return;
      const process = this.#process(which);
      if (process?.life.alive === true && !process.ended) continue;
      if (which === 'connector') this.#connector = this.#world.startConnector();
      else this.#sink = this.#world.startSink();
    }
  }

  async #strike(spreadUs: number): Promise<void> {
    const { scheduler } = this.#world;
    const fate = new Life(scheduler, { breaks: 0, stalls: 0 });
    const left = this.#plan.kills;
    for (let count = 0; count < left; count++) {
      await fate.pause(0, Math.ceil((2 * spreadUs) / left));
      // Often in the middle of something: right after a start, or a few events later.
      for (let steps = scheduler.between(0, 20); steps > 0; steps--) await fate.pause(10, 500);
      this.#hit(scheduler.chance(0.5) ? this.#connector : this.#sink);
    }
    this.#calm = true;
  }

  #hit(process: Process | undefined): void {
    if (!process || !process.life.alive || process.ended) return;
    const { scheduler, warehouse, folder } = this.#world;
    this.kills += 1;
    const roll = scheduler.random();
    if (roll < 0.7) process.kill();
    else if (roll < 0.8) process.drain();
    else if (roll < 0.9) process.abort();
    else warehouse.cut();
    if (warehouse.slot !== undefined && folder.durable.group) this.#checkClaim(warehouse.slot);
  }

  /** The slot is never above what is durable: a process that died now would lose what stands between. */
  #checkClaim(endLsn: Lsn): void {
    const claim = lowestClaim(this.#world.folder.durable);
    if (claim === undefined || endLsn > claim)
      throw new Error(
        `the slot is acknowledged to ${formatLsn(endLsn)}, the durable checkpoint is ${claim === undefined ? 'none' : formatLsn(claim)}`,
      );
  }
}
