// What Node has and @types/node does not name, as far as it is used here.
// https://developer.mozilla.org/docs/WebAssembly/Reference/JavaScript_interface

declare namespace WebAssembly {
  class Module {
    constructor(code: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: object);
    readonly exports: unknown;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    /** @returns pages that there were */
    grow(pages: number): number;
  }
  function validate(code: Uint8Array): boolean;
}
