// A challenger as the learner's checkpoint holds it. While it is trained its model is not in it: that follows from the stored
// examples, and is kept with them.

import type { ModelOptions } from '../flow/pipeline.ts';
import { formatLsn, parseLsn } from '../flow/lsn.ts';
import { Duel } from '../model/drift/duel.ts';
import { StateReader, StateWriter } from '../model/saved-state.ts';
import type { StoredExamples } from '../scores/retraining.ts';
import type { Cursors, Example, ItemPosition } from '../scores/score-store.ts';

/** An example that it is given once it is trained. */
export interface Waiting extends Pick<Example, 'at' | 'features' | 'label' | 'weight'> {
  readonly partition: number;
}

export interface SavedChallenger {
  readonly plan: { readonly command: number; readonly options: ModelOptions; readonly patience: number };
  readonly stored: StoredExamples;
  /** Of the stored examples, where it is still trained. */
  readonly trained: number;
  readonly seen: number;
  readonly given: Cursors;
  readonly duel: Duel;
  /** Undefined: it is trained, and {@link model} has everything. */
  readonly waiting: readonly Waiting[] | undefined;
  readonly model: Uint8Array | undefined;
}

const WHAT = 'challenger';

/** It has learned before it is compared: of all pairs half count, so that patience finds what is little but lasts. */
const SHARE = 0.5;

export const newDuel = (): Duel => new Duel(SHARE);

type StoredCursor = readonly [lsn: string, n: number, i: number] | null;

interface Header {
  readonly plan: SavedChallenger['plan'];
  readonly count: number;
  readonly start: readonly StoredCursor[];
  readonly seen: number;
  readonly given: readonly StoredCursor[];
  /** Null: none does, it is trained. */
  readonly waiting: readonly (readonly [number, StoredCursor, string, string | null, number])[] | null;
}

export function packChallenger(challenger: SavedChallenger): Uint8Array {
  const { plan, stored, seen, given, duel, waiting, model } = challenger;
  const header: Header = {
    plan,
    count: stored.count,
    start: packCursors(stored.start),
    seen,
    given: packCursors(given),
    waiting:
      waiting?.map(({ partition, at, features, label, weight }) => [
        partition,
        packCursor(at),
        features,
        label,
        weight,
      ]) ?? null,
  };
  const writer = new StateWriter(WHAT);
  writer.text(JSON.stringify(header));
  duel.save(writer);
  writer.bytes(model ?? new Uint8Array());
  return writer.finish();
}

/** Throws MODEL_STATE where it is corrupt or newer. */
export function unpackChallenger(saved: Uint8Array): SavedChallenger {
  const reader = new StateReader(saved, WHAT);
  const { plan, count, start, seen, given, waiting } = JSON.parse(reader.text()) as Header;
  const duel = Duel.load(reader, SHARE);
  const model = reader.bytes();
  reader.finish();
  return {
    plan,
    stored: { count, start: start.map(cursorOf) },
    trained: 0,
    seen,
    given: given.map(cursorOf),
    duel,
    waiting: waiting?.map(([partition, at, features, label, weight]) => ({
      partition,
      at: cursorOf(at)!,
      features,
      label,
      weight,
    })),
    model: waiting === null ? model : undefined,
  };
}

const packCursors = (cursors: Cursors): StoredCursor[] => Array.from(cursors, packCursor);

function packCursor(at: ItemPosition | undefined): StoredCursor {
  return at === undefined ? null : [formatLsn(at.lsn), at.n, at.i];
}

function cursorOf(stored: StoredCursor): ItemPosition | undefined {
  return stored === null ? undefined : { lsn: parseLsn(stored[0]), n: stored[1], i: stored[2] };
}
