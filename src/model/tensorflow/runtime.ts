// TensorFlow.js, loaded when a model first needs it: native where @tensorflow/tfjs-node is installed, else on WebAssembly.

import { createRequire } from 'node:module';
import type * as TensorFlowCore from '@tensorflow/tfjs-core';
import type * as TensorFlowLayers from '@tensorflow/tfjs-layers';
import { MillraceError } from '../../runtime/errors.ts';
import type { Random } from '../random.ts';

export type Core = typeof TensorFlowCore;
export type Layers = typeof TensorFlowLayers;

export interface TensorFlow {
  readonly core: Core;
  readonly layers: Layers;
  readonly backend: 'tensorflow' | 'wasm';
}

/** What is installed, as `require` finds it: all of TensorFlow.js is CommonJS. */
export interface Modules {
  /** Undefined where there is no such package. */
  path(name: string): string | undefined;
  load(path: string): unknown;
}

const INSTALLED: Modules = {
  path(name) {
    try {
      return createRequire(import.meta.url).resolve(name);
    } catch {
      return undefined;
    }
  },
  load: (path) => createRequire(import.meta.url)(path) as unknown,
};

const NATIVE = '@tensorflow/tfjs-node';
const CORE = '@tensorflow/tfjs-core';
const LAYERS = '@tensorflow/tfjs-layers';
const WASM = '@tensorflow/tfjs-backend-wasm';
const CPU = '@tensorflow/tfjs-backend-cpu';

let loaded: Promise<TensorFlow> | undefined;

/** Rejects with MODEL_INVALID where it is not installed, or is and cannot be loaded. */
export function loadTensorFlow(): Promise<TensorFlow> {
  return (loaded ??= openTensorFlow(INSTALLED));
}

/** Not kept, for tests. */
export async function openTensorFlow(modules: Modules): Promise<TensorFlow> {
  const native = installed(modules, NATIVE) as (Core & Layers) | undefined;
  if (native) {
    await native.ready();
    return { core: native, layers: native, backend: 'tensorflow' };
  }
  const [core, layers, wasm] = [
    installed(modules, CORE) as Core | undefined,
    installed(modules, LAYERS) as Layers | undefined,
    installed(modules, WASM),
  ];
  if (!core || !layers || !wasm)
    throw new MillraceError(
      'MODEL_INVALID',
      'the model kind "tensorflow" needs TensorFlow.js, which is not installed',
      {
        hint: `Run: npm install ${CORE}@4 ${LAYERS}@4 ${WASM}@4 (or, where its native library can be built, npm install ${NATIVE}@4).`,
      },
    );
  // Else it prints what it would rather run on.
  core.enableProdMode();
  chainOperations(core);
  borrowKernels(core);
  if (!(await core.setBackend('wasm')))
    throw new MillraceError('MODEL_INVALID', 'TensorFlow.js cannot start its WebAssembly backend', {
      hint: `Install it anew: npm install ${WASM}@4.`,
    });
  return { core, layers, backend: 'wasm' };
}

/** Undefined where there is no such package; one that is there and broken must not pass unseen. */
function installed(modules: Modules, name: string): unknown {
  const path = modules.path(name);
  if (path === undefined) return undefined;
  try {
    return modules.load(path);
  } catch (error) {
    throw new MillraceError('MODEL_INVALID', `${name} is installed and cannot be loaded: ${(error as Error).message}`, {
      hint: `Install it anew: npm install ${name}@4; or take it away: npm uninstall ${name}.`,
      cause: error,
    });
  }
}

/**
 * Layers call operations as methods of tensors (`x.flatten()`), which only the package of all of TensorFlow.js adds. An operation's
 * first argument is then the tensor itself; those below are no operations of the same name.
 */
function chainOperations(core: Core): void {
  const prototype = core.Tensor.prototype as unknown as Record<string, unknown>;
  type Method = (this: TensorFlowCore.Tensor, ...rest: never[]) => unknown;
  const add = (name: string, method: Method): void => {
    if (!(name in prototype)) prototype[name] = method;
  };
  const { reshape, cast, concat, stack, where } = core;
  add('flatten', function () {
    return reshape(this, [this.size]);
  });
  add('asScalar', function () {
    return reshape(this, []);
  });
  for (const name of ['as1D', 'as2D', 'as3D', 'as4D', 'as5D'])
    add(name, function (...shape: number[]) {
      return reshape(this, name === 'as1D' ? [this.size] : shape);
    } as Method);
  add('reshapeAs', function (other: TensorFlowCore.Tensor) {
    return reshape(this, other.shape);
  } as Method);
  add('asType', function (type: TensorFlowCore.DataType) {
    return cast(this, type);
  } as Method);
  add('toFloat', function () {
    return cast(this, 'float32');
  });
  add('toInt', function () {
    return cast(this, 'int32');
  });
  add('toBool', function () {
    return cast(this, 'bool');
  });
  add('concat', function (others: TensorFlowCore.Tensor | TensorFlowCore.Tensor[], axis?: number) {
    return concat([this, ...[others].flat()], axis);
  } as Method);
  add('stack', function (others: TensorFlowCore.Tensor | TensorFlowCore.Tensor[], axis?: number) {
    return stack([this, ...[others].flat()], axis);
  } as Method);
  add('where', function (condition: TensorFlowCore.Tensor, other: TensorFlowCore.Tensor) {
    return where(condition, this, other);
  } as Method);
  for (const [name, operation] of Object.entries(core))
    if (typeof operation === 'function' && /^[a-z]/.test(name))
      add(name, function (...rest: never[]) {
        return (operation as (...all: unknown[]) => unknown)(this, ...rest);
      });
}

type Info = TensorFlowCore.TensorInfo;
type Values = Parameters<TensorFlowCore.KernelBackend['write']>[0];

interface SyncBackend {
  readSync(id: object): Values;
  disposeData(id: object): boolean;
}

interface CpuBackend extends SyncBackend {
  makeTensorInfo(shape: number[], type: TensorFlowCore.DataType, values: Values): Info;
}

interface WasmBackend extends SyncBackend {
  makeOutput(shape: number[], type: TensorFlowCore.DataType, offset: undefined, values: Values): Info;
}

/**
 * The WebAssembly backend has no kernel for some gradients (of embeddings and convolutions, above all). The JavaScript backend,
 * which it depends on, has them: values are copied there and back.
 */
function borrowKernels(core: Core): void {
  const wasm = createRequire(import.meta.url).resolve(WASM);
  createRequire(wasm)(CPU);
  const known = new Set(core.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName));
  for (const { kernelName, kernelFunc } of core.getKernelsForBackend('cpu')) {
    if (known.has(kernelName)) continue;
    core.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc: ({ inputs, backend, attrs }) => {
        const [cpu, wasm] = [core.findBackend('cpu') as unknown as CpuBackend, backend as WasmBackend];
        const given: Record<string, Info> = {};
        for (const [name, { shape, dtype, dataId }] of Object.entries(inputs) as [string, Info][])
          given[name] = cpu.makeTensorInfo(shape, dtype, wasm.readSync(dataId));
        const results = [kernelFunc({ inputs: given, backend: cpu, ...(attrs && { attrs }) })].flat();
        const outputs = results.map(({ shape, dtype, dataId }) =>
          wasm.makeOutput(shape, dtype, undefined, cpu.readSync(dataId).slice()),
        );
        for (const { dataId } of [...Object.values(given), ...results]) cpu.disposeData(dataId);
        return outputs.length === 1 ? outputs[0]! : outputs;
      },
    });
  }
}

/**
 * Runs what draws random numbers (first weights, dropout) from a generator whose state is saved: TensorFlow.js seeds each of its own
 * from Math.random. Only of what does not wait, so nobody else sees it.
 */
export function drawing<T>(random: Random, run: () => T): T {
  const own = Math.random;
  Math.random = () => random.uniform();
  try {
    return run();
  } finally {
    Math.random = own;
  }
}
