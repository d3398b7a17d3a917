// What is said of a row where several numbers are: by class its probability, by quantile or horizon its value.

import type { Prediction } from './model.ts';

/** @param values by class, the first `names.length` of them; the first of the greatest is the prediction, none where all are 0 */
export function classPrediction(names: readonly string[], values: Float64Array): Prediction {
  let best = -1;
  for (let k = 0; k < names.length; k++) if (values[k]! > (best < 0 ? 0 : values[best]!)) best = k;
  const outputs = named(names, values);
  return best < 0
    ? { score: 0, prediction: null, outputs }
    : { score: values[best]!, prediction: names[best]!, outputs };
}

/**
 * As `outputs` of a prediction. NaN is nothing said. The first ones are set in lines of their own, where V8 comes to know the one name
 * that each sets: a line that sets many takes three times as long.
 */
export function named(names: readonly string[], values: Float64Array): Record<string, number> {
  const outputs: Record<string, number> = {};
  if (usual(names, values, 0)) outputs[names[0]!] = values[0]!;
  else set(outputs, names, values, 0);
  if (usual(names, values, 1)) outputs[names[1]!] = values[1]!;
  else set(outputs, names, values, 1);
  if (usual(names, values, 2)) outputs[names[2]!] = values[2]!;
  else set(outputs, names, values, 2);
  for (let k = 3; k < names.length; k++) set(outputs, names, values, k);
  return outputs;
}

/** The same text, as V8 keeps names of properties: any other it must look up at each use. */
export function asKey(name: string): string {
  return Object.keys({ [name]: 0 })[0]!;
}

/** Assigning to it would set the prototype. */
const PROTOTYPE = '__proto__';

function usual(names: readonly string[], values: Float64Array, k: number): boolean {
  return k < names.length && values[k] === values[k] && names[k] !== PROTOTYPE;
}

function set(outputs: Record<string, number>, names: readonly string[], values: Float64Array, k: number): void {
  if (k >= names.length || Number.isNaN(values[k])) return;
  const name = names[k]!;
  // A class may be called so.
  if (name === PROTOTYPE)
    Object.defineProperty(outputs, name, { value: values[k]!, enumerable: true, configurable: true, writable: true });
  else outputs[name] = values[k]!;
}
