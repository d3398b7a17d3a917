// The net's arithmetic on the WebAssembly kernel: a store and an instance of its own for each net.

import { adamFactors, type AdamState, type AdamStep, type Arithmetic, type Matrix } from './arithmetic.ts';
import { NET_KERNEL } from './net-kernel.ts';
import { PlainArithmetic } from './plain-arithmetic.ts';

/** Of scripts/net-kernel.ts: addresses in bytes, sizes in floats. */
interface Kernel {
  readonly memory: WebAssembly.Memory;
  affine(x: number, w: number, bias: number, y: number, rows: number, inputs: number, outputs: number): void;
  gradient(x: number, dy: number, dw: number, db: number, rows: number, inputs: number, outputs: number): void;
  transpose(w: number, t: number, rows: number, columns: number): void;
  rectify(y: number, slope: number, count: number): void;
  multiply(a: number, b: number, count: number): void;
  sumOfSquares(a: number, count: number): number;
  adam(w: number, g: number, m: number, v: number, count: number, ...factors: number[]): void;
}

const PAGE_BYTES = 65_536;

/** Compiled by the first net of a process; null where this processor has no 128-bit instructions. */
let compiled: WebAssembly.Module | null | undefined;

/** The kernel where it runs, else plain loops, which give the same bits. */
export function openArithmetic(): Arithmetic {
  if (compiled === undefined) {
    const code = Buffer.from(NET_KERNEL, 'base64');
    compiled = WebAssembly.validate(code) ? new WebAssembly.Module(code) : null;
  }
  return compiled ? new WasmArithmetic(compiled) : new PlainArithmetic();
}

class WasmArithmetic implements Arithmetic {
  #floats: Float32Array = new Float32Array(0);
  readonly #module: WebAssembly.Module;
  #kernel: Kernel;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
    this.#kernel = this.#start();
  }

  get floats(): Float32Array {
    return this.#floats;
  }

  reserve(count: number): void {
    // Memory cannot shrink, and to clear it costs as much as a new one.
    if (this.#floats.length > 0) this.#kernel = this.#start();
    const { memory } = this.#kernel;
    const missing = Math.ceil((count * 4 - memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) memory.grow(missing);
    this.#floats = new Float32Array(memory.buffer, 0, count);
  }

  affine(x: number, w: Matrix, bias: number, y: Matrix): void {
    this.#kernel.affine(x * 4, w.at * 4, bias * 4, y.at * 4, y.rows, w.rows, w.columns);
  }

  gradient(x: number, dy: Matrix, dw: Matrix, db: number): void {
    this.#kernel.gradient(x * 4, dy.at * 4, dw.at * 4, db * 4, dy.rows, dw.rows, dw.columns);
  }

  transpose(w: Matrix, t: number): void {
    this.#kernel.transpose(w.at * 4, t * 4, w.rows, w.columns);
  }

  rectify(y: number, slope: number, count: number): void {
    this.#kernel.rectify(y * 4, slope * 4, count);
  }

  multiply(a: number, b: number, count: number): void {
    this.#kernel.multiply(a * 4, b * 4, count);
  }

  sumOfSquares(a: number, count: number): number {
    return this.#kernel.sumOfSquares(a * 4, count);
  }

  adam({ weights, gradients, means, squares, count }: AdamState, step: AdamStep): void {
    const by = adamFactors(step);
    const moments = [by.keepMean, by.addMean, by.keepSquare, by.addSquare];
    const factors = [by.scale, by.l2, ...moments, by.rate, by.correction, by.eps, by.least];
    this.#kernel.adam(weights * 4, gradients * 4, means * 4, squares * 4, count, ...factors);
  }

  #start(): Kernel {
    return new WebAssembly.Instance(this.#module, {}).exports as unknown as Kernel;
  }
}
