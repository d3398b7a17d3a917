// What the parts of a model take beside their numbers, so that a limit of bytes is one of memory: on V8 with pointers of 64 bits, as
// measured on Node 20, 22 and 24 (test/model/memory.test.ts).

/** A typed array with its buffer, without the data: 184 bytes on Node 20 and 22, 200 on 24. */
export const TYPED_ARRAY_BYTES = 200;

/** A list that grows, with room for its first 17 entries. */
export const LIST_BYTES = 184;

/** Of typed arrays, all in all. */
export function arrayBytes(...arrays: readonly { readonly byteLength: number }[]): number {
  return arrays.reduce((sum, array) => sum + TYPED_ARRAY_BYTES + array.byteLength, 0);
}
