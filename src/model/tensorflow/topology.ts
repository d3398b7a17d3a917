// From the options of `tensorflow` to a model of TensorFlow.js: checked, built, and ending in raw outputs.

import { z } from 'zod';
import type * as TensorFlowLayers from '@tensorflow/tfjs-layers';
import { MillraceError } from '../../runtime/errors.ts';
import type { Random } from '../random.ts';
import { drawing, type TensorFlow } from './runtime.ts';

/** `{"class": "Dense", "units": 64}`: a layer's class in TensorFlow.js, and its own options in snake case. */
const layer = z.looseObject({ class: z.string() });

export const topologyOptions = {
  /** The hidden layers, in order; the one that gives the outputs is added. */
  layers: z.array(layer).max(100).optional(),
  /** What `model.toJSON()` gives. */
  topology: z.union([z.string(), z.looseObject({})]).optional(),
  /** Dimensions that the first of `layers` sees. */
  inputs: z.int().min(1).max(16_384).optional(),
};

export interface TopologyOptions {
  readonly layers?: readonly z.infer<typeof layer>[] | undefined;
  readonly topology?: string | Readonly<Record<string, unknown>> | undefined;
}

const DEFAULT_LAYERS = [
  { class: 'Dense', units: 64, activation: 'relu' },
  { class: 'Dense', units: 32, activation: 'relu' },
] as const;

/** One of a model's inputs: the dimensions from `from` on, `width` of them. */
export interface ModelInput {
  readonly from: number;
  readonly width: number;
  /** An embedding takes it: codes from 0 to below this. */
  readonly codes: number | undefined;
}

export interface BuiltModel {
  readonly model: TensorFlowLayers.LayersModel;
  readonly inputs: readonly ModelInput[];
  readonly outputs: number;
}

interface LayerJson {
  readonly class_name: string;
  readonly config: Record<string, unknown>;
}

/**
 * Throws MODEL_INVALID, naming the layer, where the layers do not fit each other, the rows or the label.
 * @param width dimensions of a row, for `layers` that do not say
 * @param outputs raw outputs that are needed at least; of `layers` exactly as many are made
 */
export async function buildModel(
  tensorflow: TensorFlow,
  options: TopologyOptions,
  width: number,
  outputs: number,
  random: Random,
): Promise<BuiltModel> {
  const json = options.topology === undefined ? sequential(options, width, outputs) : topologyOf(options.topology);
  rawOutputs(json);
  const { models } = tensorflow.layers;
  let model: TensorFlowLayers.LayersModel;
  try {
    // It draws all weights before it first waits.
    model = await drawing(random, () => models.modelFromJSON({ modelTopology: json as never }));
  } catch (error) {
    throw refused(`the layers do not fit each other: ${(error as Error).message}`);
  }
  try {
    return checked(model, outputs);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function sequential(options: TopologyOptions, width: number, outputs: number): LayerJson {
  const layers = (options.layers ?? DEFAULT_LAYERS).map(({ class: name, ...config }, i): LayerJson => {
    const shape = i === 0 && !('input_shape' in config) ? { batch_input_shape: [null, width] } : {};
    const { input_shape, ...rest } = config as Record<string, unknown>;
    const given = Array.isArray(input_shape) ? { batch_input_shape: [null, ...(input_shape as number[])] } : shape;
    return { class_name: name, config: { name: `${name.toLowerCase()}_${i + 1}`, ...given, ...rest } };
  });
  const first = layers.length === 0 ? { batch_input_shape: [null, width] } : {};
  const last: LayerJson = { class_name: 'Dense', config: { name: 'outputs', units: outputs, ...first } };
  return { class_name: 'Sequential', config: { name: 'model', layers: [...layers, last] } };
}

/** `model.toJSON()` gives a text unless it is told otherwise; what is saved to a file has it inside `modelTopology`. */
function topologyOf(topology: string | Readonly<Record<string, unknown>>): LayerJson {
  let json: unknown = topology;
  try {
    // A copy: building changes it.
    json = JSON.parse(typeof topology === 'string' ? topology : JSON.stringify(topology));
  } catch {
    throw refused('"topology" is a text that is not JSON');
  }
  let inner = json as Record<string, unknown>;
  for (const name of ['modelTopology', 'model_config'])
    if (typeof inner[name] === 'object' && inner[name] !== null) inner = inner[name] as Record<string, unknown>;
  const { class_name, config } = inner;
  if (typeof class_name !== 'string' || typeof config !== 'object' || config === null)
    throw refused('"topology" has no "class_name" and "config"');
  return { class_name, config: config as Record<string, unknown> };
}

/** Sigmoid and softmax at the end are taken off: the loss is worked out from raw outputs, which loses no digits. */
function rawOutputs(json: LayerJson): void {
  const layers = Array.isArray(json.config['layers']) ? (json.config['layers'] as LayerJson[]) : [];
  const named = (json.config['output_layers'] as [string][] | undefined)?.[0]?.[0];
  const last = named === undefined ? layers.at(-1) : layers.find(({ config }) => config?.['name'] === named);
  if (!last?.config) return;
  if (['sigmoid', 'softmax'].includes(last.config['activation'] as string)) last.config['activation'] = 'linear';
  for (const { class_name, config } of layers)
    if (config?.['stateful'] === true)
      throw refused(`layer "${String(config['name'] ?? class_name)}" is stateful: rows stand alone here`);
}

function checked(model: TensorFlowLayers.LayersModel, outputs: number): BuiltModel {
  let from = 0;
  const inputs = model.inputs.map((input): ModelInput => {
    const { name } = input.sourceLayer;
    const width = input.shape[1];
    if (input.shape.length !== 2 || typeof width !== 'number')
      throw refused(
        `layer "${name}" takes inputs of the shape [${input.shape.slice(1).join(', ')}], and a row is a vector: begin with the shape [n] and a Reshape`,
      );
    from += width;
    const takers = model.layers.filter((layer) => embeds(layer) && layer.input === input);
    const codes = takers.map((layer) => (layer.getConfig() as { inputDim: number }).inputDim);
    return { from: from - width, width, codes: codes.length === 0 ? undefined : Math.min(...codes) };
  });
  for (const layer of model.layers)
    if (embeds(layer) && !model.inputs.includes(layer.input as TensorFlowLayers.SymbolicTensor))
      throw refused(
        `layer "${layer.name}" is an Embedding that takes no input of the model: codes come from the row alone`,
      );
  const last = model.outputs[0]!;
  const units = last.shape[1];
  const { name } = last.sourceLayer;
  if (model.outputs.length !== 1) throw refused(`the model has ${model.outputs.length} outputs, one is needed`);
  if (last.shape.length !== 2 || typeof units !== 'number')
    throw refused(
      `layer "${name}" gives the shape [${last.shape.slice(1).join(', ')}], a vector is needed: add a Flatten before it`,
    );
  if (outputs === 1 ? units !== 1 : units < outputs)
    throw refused(
      outputs === 1
        ? `layer "${name}" gives ${units} outputs, 1 is needed`
        : `layer "${name}" gives ${units} outputs, fewer than "max_classes", ${outputs}: say "max_classes": ${units}`,
    );
  if (model.trainableWeights.length === 0) throw refused('the model has no weights to learn');
  return { model, inputs, outputs: units };
}

function embeds(layer: TensorFlowLayers.layers.Layer): boolean {
  return layer.getClassName() === 'Embedding';
}

function refused(why: string): MillraceError {
  return new MillraceError('MODEL_INVALID', `the net cannot be built: ${why}`, {
    hint: 'docs/models.md, "tensorflow", has examples of "layers" and "topology".',
  });
}
