// What the parts of a model take beside their numbers, so that a limit of bytes is one of memory: on V8 with pointers of 64 bits, as
// measured on Node 20, 22 and 24 (test/model/memory.test.ts).

/** A typed array with its buffer, without the data: 184 bytes on Node 20 and 22, 200 on 24. */
export const TYPED_ARRAY_BYTES = 200;

/** A list that grows, with room for its first 17 entries. */
export const LIST_BYTES = 184;

interface Sized {
  readonly byteLength: number;
}

/** Of arrays of 64 bits with so many numbers all in all: for what is asked for with each example. */
export function floatBytes(arrays: number, numbers: number): number {
  return arrays * TYPED_ARRAY_BYTES + numbers * 8;
}

/** Of typed arrays, all in all. */
export function arrayBytes(one: Sized, two?: Sized, three?: Sized, four?: Sized): number {
  let bytes = TYPED_ARRAY_BYTES + one.byteLength;
  if (two !== undefined) bytes += TYPED_ARRAY_BYTES + two.byteLength;
  if (three !== undefined) bytes += TYPED_ARRAY_BYTES + three.byteLength;
  if (four !== undefined) bytes += TYPED_ARRAY_BYTES + four.byteLength;
  return bytes;
}
