/** What this adapter uses of the WebAssembly JavaScript interface, which the types of Node leave out. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>;
  }
  const Module: {
    new (bytes: Uint8Array): Module;
    imports(module: Module): readonly { readonly module: string; readonly name: string; readonly kind: string }[];
  };
  function validate(bytes: Uint8Array): boolean;
  const Memory: new (limits: { readonly initial: number; readonly maximum: number }) => Memory;
  const Instance: new (module: Module, imports: object) => Instance;
  const CompileError: new () => Error;
  const RuntimeError: new () => Error;
  const Exception: new () => object;
}
