// What an encoder has learned of one feature, and how it is saved.

import type { StateReader, StateWriter } from '../saved-state.ts';
import type { FeaturePlan, Role } from './feature-role.ts';
import type { Moments } from './moments.ts';
import { scalerOf, type Scaler } from './scaler.ts';
import { TargetMeans } from './target-means.ts';
import { TextBuckets } from './text-ngrams.ts';

export const NO_DIMENSION = -1;

const OF_BUCKETS = ' into ';

/** It outlives the column: a feature that comes back finds its weights. */
export interface FeatureState {
  readonly name: string;
  readonly role: Role;
  /** Of the number or flag; for categories that of `other`. NO_DIMENSION until an example needed it. */
  dimension: number;
  missing: number;
  /** Of its count, mean and deviation. */
  readonly slot: number;
  /** Of a number whose scale is neither mean and deviation nor none. */
  scaler: Scaler | undefined;
  /** Category or bucket to dimension. */
  readonly values: Map<string, number>;
  /** Of the roles of these names. */
  readonly target: TargetMeans | undefined;
  readonly text: TextBuckets | undefined;
  /** As in the plan; undefined too where a former Millrace saved it, which did not say. */
  buckets: string | undefined;
}

export function newState(plan: FeaturePlan, dimension: number, moments: Moments): FeatureState {
  return {
    name: plan.name,
    role: plan.role,
    dimension,
    missing: NO_DIMENSION,
    slot: moments.add(),
    scaler: undefined,
    values: new Map(),
    target: plan.role === 'target' ? new TargetMeans(plan.maxValues) : undefined,
    text: plan.text && new TextBuckets(plan.text.dimensions),
    buckets: plan.buckets,
  };
}

export function bytesOf(state: FeatureState): number {
  const { values, scaler, target, text } = state;
  return 160 + values.size * 80 + (scaler?.bytes ?? 0) + (target?.bytes ?? 0) + (text?.bytes ?? 0);
}

export function saveState(state: FeatureState, moments: Moments, writer: StateWriter): void {
  writer.text(state.name);
  // A scaler's own state follows the values, and its name the role; so does what decides about buckets.
  const buckets = state.buckets === undefined ? '' : `${OF_BUCKETS}${state.buckets}`;
  writer.text(state.scaler ? `${state.role}:${state.scaler.scale}` : `${state.role}${buckets}`);
  writer.f64(state.dimension);
  writer.f64(state.missing);
  for (const moment of moments.of(state.slot)) writer.f64(moment);
  writer.u32(state.values.size);
  for (const [value, dimension] of state.values) {
    writer.text(value);
    writer.u32(dimension);
  }
  state.scaler?.save(writer);
  state.target?.save(writer);
  state.text?.save(writer);
}

/** @param plans of the features in use, by name; others keep all that was saved */
export function loadState(
  reader: StateReader,
  moments: Moments,
  plans: ReadonlyMap<string, FeaturePlan>,
): FeatureState {
  const name = reader.text();
  const [named, buckets] = reader.text().split(OF_BUCKETS) as [string, string | undefined];
  const [role, scale] = named.split(':') as [Role, string | undefined];
  const dimension = reader.f64();
  const missing = reader.f64();
  const slot = moments.add(reader.f64(), reader.f64(), reader.f64());
  const values = new Map<string, number>();
  for (let left = reader.u32(); left > 0; left--) values.set(reader.text(), reader.u32());
  const scaler = scale === undefined ? undefined : scalerOf(scale, reader);
  const target = role === 'target' ? new TargetMeans(plans.get(name)?.maxValues ?? 0, reader) : undefined;
  const text = role === 'text' ? new TextBuckets(0, reader) : undefined;
  return { name, role, dimension, missing, slot, scaler, values, target, text, buckets };
}
