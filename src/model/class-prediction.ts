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

/** As `outputs` of a prediction. NaN is nothing said. */
export function named(names: readonly string[], values: Float64Array): Record<string, number> {
  const outputs: Record<string, number> = {};
  for (let k = 0; k < names.length; k++) {
    const name = names[k]!;
    if (Number.isNaN(values[k])) continue;
    // A class may be called so, and assigning to it would set the prototype.
    if (name === '__proto__') define(outputs, name, values[k]!);
    else outputs[name] = values[k]!;
  }
  return outputs;
}

function define(outputs: Record<string, number>, name: string, value: number): void {
  Object.defineProperty(outputs, name, { value, enumerable: true, configurable: true, writable: true });
}
