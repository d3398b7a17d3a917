// AssemblyScript: the inner loops of a neural net, four floats at a time. `node scripts/build-net-kernel.mjs` compiles it to
// src/model/net/net-kernel.ts. Addresses are in bytes; rows lie one after the other; widths (inputs, outputs) and counts are multiples
// of 4, rows any number. No reduction runs across lanes and nothing is fused, so each sum is taken in the order that
// src/model/net/plain-arithmetic.ts takes it in, and has the same bits.

/** y[i][j] = bias[j] + Σ_k x[i][k] · w[k][j], k ascending. */
export function affine(x: usize, w: usize, bias: usize, y: usize, rows: i32, inputs: i32, outputs: i32): void {
  const xRow: usize = (<usize>inputs) << 2;
  const wRow: usize = (<usize>outputs) << 2;
  let i: i32 = 0;
  for (; i + 4 <= rows; i += 4) {
    const x0: usize = x + <usize>i * xRow;
    const y0: usize = y + <usize>i * wRow;
    let j: usize = 0;
    for (; j + 32 <= wRow; j += 32) fourByEight(x0, xRow, w + j, wRow, bias + j, y0 + j);
    if (j < wRow) fourByFour(x0, xRow, w + j, wRow, bias + j, y0 + j);
  }
  for (; i < rows; i++) oneRow(x + <usize>i * xRow, xRow, w, wRow, bias, y + <usize>i * wRow);
}

function fourByEight(x: usize, xRow: usize, w: usize, wRow: usize, bias: usize, y: usize): void {
  let a0 = v128.load(bias),
    a1 = v128.load(bias, 16);
  let b0 = a0,
    b1 = a1,
    c0 = a0,
    c1 = a1,
    d0 = a0,
    d1 = a1;
  const end: usize = x + xRow;
  const x1: usize = xRow,
    x2: usize = xRow << 1,
    x3: usize = x1 + x2;
  for (; x < end; x += 4) {
    const w0 = v128.load(w),
      w1 = v128.load(w, 16);
    const a = v128.load_splat<f32>(x);
    a0 = f32x4.add(a0, f32x4.mul(a, w0));
    a1 = f32x4.add(a1, f32x4.mul(a, w1));
    const b = v128.load_splat<f32>(x + x1);
    b0 = f32x4.add(b0, f32x4.mul(b, w0));
    b1 = f32x4.add(b1, f32x4.mul(b, w1));
    const c = v128.load_splat<f32>(x + x2);
    c0 = f32x4.add(c0, f32x4.mul(c, w0));
    c1 = f32x4.add(c1, f32x4.mul(c, w1));
    const d = v128.load_splat<f32>(x + x3);
    d0 = f32x4.add(d0, f32x4.mul(d, w0));
    d1 = f32x4.add(d1, f32x4.mul(d, w1));
    w += wRow;
  }
  v128.store(y, a0);
  v128.store(y, a1, 16);
  y += wRow;
  v128.store(y, b0);
  v128.store(y, b1, 16);
  y += wRow;
  v128.store(y, c0);
  v128.store(y, c1, 16);
  y += wRow;
  v128.store(y, d0);
  v128.store(y, d1, 16);
}

function fourByFour(x: usize, xRow: usize, w: usize, wRow: usize, bias: usize, y: usize): void {
  let a0 = v128.load(bias);
  let b0 = a0,
    c0 = a0,
    d0 = a0;
  const end: usize = x + xRow;
  const x1: usize = xRow,
    x2: usize = xRow << 1,
    x3: usize = x1 + x2;
  for (; x < end; x += 4) {
    const w0 = v128.load(w);
    a0 = f32x4.add(a0, f32x4.mul(v128.load_splat<f32>(x), w0));
    b0 = f32x4.add(b0, f32x4.mul(v128.load_splat<f32>(x + x1), w0));
    c0 = f32x4.add(c0, f32x4.mul(v128.load_splat<f32>(x + x2), w0));
    d0 = f32x4.add(d0, f32x4.mul(v128.load_splat<f32>(x + x3), w0));
    w += wRow;
  }
  v128.store(y, a0);
  v128.store(y + wRow, b0);
  v128.store(y + (wRow << 1), c0);
  v128.store(y + (wRow << 1) + wRow, d0);
}

/** One row alone passes over inputs that are 0: of one-hot columns most are, and of rectified units about half. */
function oneRow(x: usize, xRow: usize, w: usize, wRow: usize, bias: usize, y: usize): void {
  memory.copy(y, bias, wRow);
  const end: usize = x + xRow;
  for (; x < end; x += 4) {
    if (load<f32>(x) != 0) {
      const a = v128.load_splat<f32>(x);
      for (let j: usize = 0; j < wRow; j += 16)
        v128.store(y + j, f32x4.add(v128.load(y + j), f32x4.mul(a, v128.load(w + j))));
    }
    w += wRow;
  }
}

/** dw[k][j] = Σ_i x[i][k] · dy[i][j] and db[j] = Σ_i dy[i][j], i ascending from 0. */
export function gradient(x: usize, dy: usize, dw: usize, db: usize, rows: i32, inputs: i32, outputs: i32): void {
  const xRow: usize = (<usize>inputs) << 2;
  const yRow: usize = (<usize>outputs) << 2;
  for (let k: usize = 0; k < xRow; k += 16) {
    const to: usize = dw + (k >> 2) * yRow;
    let j: usize = 0;
    for (; j + 32 <= yRow; j += 32) gradientFourByEight(x + k, xRow, dy + j, yRow, to + j, rows);
    if (j < yRow) gradientFourByFour(x + k, xRow, dy + j, yRow, to + j, rows);
  }
  for (let j: usize = 0; j < yRow; j += 16) {
    let sum = f32x4.splat(0);
    let from: usize = dy + j;
    for (let i: i32 = 0; i < rows; i++) {
      sum = f32x4.add(sum, v128.load(from));
      from += yRow;
    }
    v128.store(db + j, sum);
  }
}

function gradientFourByEight(x: usize, xRow: usize, dy: usize, yRow: usize, dw: usize, rows: i32): void {
  let a0 = f32x4.splat(0);
  let a1 = a0,
    b0 = a0,
    b1 = a0,
    c0 = a0,
    c1 = a0,
    d0 = a0,
    d1 = a0;
  for (let i: i32 = 0; i < rows; i++) {
    const y0 = v128.load(dy),
      y1 = v128.load(dy, 16);
    const a = v128.load_splat<f32>(x);
    a0 = f32x4.add(a0, f32x4.mul(a, y0));
    a1 = f32x4.add(a1, f32x4.mul(a, y1));
    const b = v128.load_splat<f32>(x, 4);
    b0 = f32x4.add(b0, f32x4.mul(b, y0));
    b1 = f32x4.add(b1, f32x4.mul(b, y1));
    const c = v128.load_splat<f32>(x, 8);
    c0 = f32x4.add(c0, f32x4.mul(c, y0));
    c1 = f32x4.add(c1, f32x4.mul(c, y1));
    const d = v128.load_splat<f32>(x, 12);
    d0 = f32x4.add(d0, f32x4.mul(d, y0));
    d1 = f32x4.add(d1, f32x4.mul(d, y1));
    x += xRow;
    dy += yRow;
  }
  v128.store(dw, a0);
  v128.store(dw, a1, 16);
  dw += yRow;
  v128.store(dw, b0);
  v128.store(dw, b1, 16);
  dw += yRow;
  v128.store(dw, c0);
  v128.store(dw, c1, 16);
  dw += yRow;
  v128.store(dw, d0);
  v128.store(dw, d1, 16);
}

function gradientFourByFour(x: usize, xRow: usize, dy: usize, yRow: usize, dw: usize, rows: i32): void {
  let a0 = f32x4.splat(0);
  let b0 = a0,
    c0 = a0,
    d0 = a0;
  for (let i: i32 = 0; i < rows; i++) {
    const y0 = v128.load(dy);
    a0 = f32x4.add(a0, f32x4.mul(v128.load_splat<f32>(x), y0));
    b0 = f32x4.add(b0, f32x4.mul(v128.load_splat<f32>(x, 4), y0));
    c0 = f32x4.add(c0, f32x4.mul(v128.load_splat<f32>(x, 8), y0));
    d0 = f32x4.add(d0, f32x4.mul(v128.load_splat<f32>(x, 12), y0));
    x += xRow;
    dy += yRow;
  }
  v128.store(dw, a0);
  v128.store(dw + yRow, b0);
  v128.store(dw + (yRow << 1), c0);
  v128.store(dw + (yRow << 1) + yRow, d0);
}

/** t[j][k] = w[k][j]. */
export function transpose(w: usize, t: usize, rows: i32, columns: i32): void {
  const wRow: usize = (<usize>columns) << 2;
  const tRow: usize = (<usize>rows) << 2;
  for (let k: usize = 0; k < tRow; k += 16)
    for (let j: usize = 0; j < wRow; j += 16) {
      const from: usize = w + (k >> 2) * wRow + j;
      const r0 = v128.load(from);
      const r1 = v128.load(from + wRow);
      const r2 = v128.load(from + (wRow << 1));
      const r3 = v128.load(from + (wRow << 1) + wRow);
      const p0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const p1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const p2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const p3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      const to: usize = t + (j >> 2) * tRow + k;
      v128.store(to, v128.shuffle<f32>(p0, p1, 0, 1, 4, 5));
      v128.store(to + tRow, v128.shuffle<f32>(p0, p1, 2, 3, 6, 7));
      v128.store(to + (tRow << 1), v128.shuffle<f32>(p2, p3, 0, 1, 4, 5));
      v128.store(to + (tRow << 1) + tRow, v128.shuffle<f32>(p2, p3, 2, 3, 6, 7));
    }
}

/** slope[i] = y[i] > 0 ? 1 : 0, and then y[i] = max(y[i], 0). */
export function rectify(y: usize, slope: usize, count: i32): void {
  const one = f32x4.splat(1),
    zero = f32x4.splat(0);
  for (const end: usize = y + ((<usize>count) << 2); y < end; y += 16) {
    const value = v128.load(y);
    const positive = f32x4.gt(value, zero);
    v128.store(slope, v128.and(positive, one));
    v128.store(y, v128.and(positive, value));
    slope += 16;
  }
}

/** a[i] = a[i] · b[i]. */
export function multiply(a: usize, b: usize, count: i32): void {
  for (const end: usize = a + ((<usize>count) << 2); a < end; a += 16) {
    v128.store(a, f32x4.mul(v128.load(a), v128.load(b)));
    b += 16;
  }
}

/** Σ a[i]², in 64 bits: four sums, of every fourth one each, added as (0 + 2) + (1 + 3). */
export function sumOfSquares(a: usize, count: i32): f64 {
  let low = f64x2.splat(0),
    high = low;
  for (const end: usize = a + ((<usize>count) << 2); a < end; a += 16) {
    const first = f64x2.promote_low_f32x4(v128.load(a));
    const second = f64x2.promote_low_f32x4(v128.load(a, 8));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
  }
  const sums = f64x2.add(low, high);
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
}

/**
 * Adam: g' = g · scale + w · l2; m = β₁m + (1 − β₁)g'; v = β₂v + (1 − β₂)g'²; w −= rate · m / (√(v · correction) + ε). Moments below
 * `least` become 0: as they fade they would come to numbers so small that processors take a hundred times as long for each.
 */
export function adam(
  w: usize,
  g: usize,
  m: usize,
  v: usize,
  count: i32,
  scale: f32,
  l2: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  rate: f32,
  correction: f32,
  eps: f32,
  least: f32,
): void {
  const scales = f32x4.splat(scale),
    penalty = f32x4.splat(l2),
    smallest = f32x4.splat(least);
  const keep1 = f32x4.splat(beta1),
    add1 = f32x4.splat(rest1),
    keep2 = f32x4.splat(beta2),
    add2 = f32x4.splat(rest2);
  const rates = f32x4.splat(rate),
    corrections = f32x4.splat(correction),
    floor = f32x4.splat(eps);
  for (const end: usize = w + ((<usize>count) << 2); w < end; w += 16) {
    const weight = v128.load(w);
    const slope = f32x4.add(f32x4.mul(v128.load(g), scales), f32x4.mul(weight, penalty));
    let mean = f32x4.add(f32x4.mul(v128.load(m), keep1), f32x4.mul(slope, add1));
    let square = f32x4.add(f32x4.mul(v128.load(v), keep2), f32x4.mul(f32x4.mul(slope, slope), add2));
    mean = v128.and(mean, f32x4.gt(f32x4.abs(mean), smallest));
    square = v128.and(square, f32x4.gt(square, smallest));
    v128.store(m, mean);
    v128.store(v, square);
    const width = f32x4.add(f32x4.sqrt(f32x4.mul(square, corrections)), floor);
    v128.store(w, f32x4.sub(weight, f32x4.div(f32x4.mul(mean, rates), width)));
    g += 16;
    m += 16;
    v += 16;
  }
}
