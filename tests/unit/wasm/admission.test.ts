import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type ExaminedModule, examineModule } from "../../../infra/adapters/wasm/admission.ts";
import { leb128, ModuleFault } from "../../../infra/adapters/wasm/module-reader.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import { ECHO, FORWARDER, reactor, reactorText, wat } from "../../kit/wasm/wat.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const PAGE = 65_536;

/** `admitted`, or why not. */
function verdict(module: Uint8Array): string {
  try {
    examineModule(module);
    return "admitted";
  } catch (error) {
    if (error instanceof ModuleFault) return error.reason;
    throw error;
  }
}

/** An instance over a memory of these limits, made by the real engine. */
function instantiate({ bytes }: ExaminedModule, limits: { readonly initial: number; readonly maximum: number }) {
  const memory = new WebAssembly.Memory(limits);
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { symphainy: { memory } });
}

describe("admission", () => {
  it("tells the ABI and the functions that can be invoked", async () => {
    const { abi, exports } = examineModule(await reactor(FORWARDER));
    expect([abi, exports]).toEqual(["reactor", ["invoke"]]);
    const command = await wat('(module (memory (export "memory") 1) (func (export "_start")))');
    expect(examineModule(command)).toMatchObject({ abi: "wasi_command", exports: ["_start"] });
  });

  it.each([
    ["nothing", new Uint8Array(), "empty"],
    ["no module at all", Buffer.from("hello, world"), "not_wasm"],
    ["another version", Uint8Array.from([...HEADER.slice(0, 4), 2, 0, 0, 0]), "not_wasm"],
    ["half a header", Uint8Array.from(HEADER.slice(0, 5)), "not_wasm"],
    ["a header only", Uint8Array.from(HEADER), "no_abi"],
    ["a section that ends too early", Uint8Array.from([...HEADER, 1, 200, 1, 0]), "malformed"],
    ["a length of too many bits", Uint8Array.from([...HEADER, 1, 0xff, 0xff, 0xff, 0xff, 0x7f]), "malformed"],
    ["more types than are allowed", Uint8Array.from([...HEADER, 1, 5, ...leb128(2 ** 31)]), "unsupported"],
    ["a module of 16 MiB and a byte", new Uint8Array(GUEST_LIMITS.moduleBytes + 1), "too_large"],
  ])("refuses %s", (_, module, reason) => {
    expect(verdict(module)).toBe(reason);
  });

  it.each([
    ["an unknown module", '(import "host" "read" (func))', "import_not_allowed"],
    ["an unknown function", '(import "symphainy" "exec" (func))', "import_not_allowed"],
    ["an inherited name", '(import "symphainy" "constructor" (func))', "import_not_allowed"],
    [
      "a known function of another type",
      '(import "symphainy" "log" (func (param i64 i32) (result i32)))',
      "import_not_allowed",
    ],
    ["a memory", '(import "env" "memory" (memory 1))', "import_not_allowed"],
    ["the host's memory", '(import "symphainy" "memory" (memory 1))', "import_not_allowed"],
    ["a table", '(import "env" "table" (table 1 funcref))', "import_not_allowed"],
    ["a global", '(import "env" "abort" (global i32))', "import_not_allowed"],
    ["a tag", '(import "env" "tag" (tag (param i32)))', "import_not_allowed"],
  ])("A1: refuses the import of %s", async (_, imports, reason) => {
    expect(verdict(await wat(reactorText({ ...ECHO, imports }), true))).toBe(reason);
  });

  it.each([
    ["a shared memory", '(memory (export "memory") 1 2 shared)', "memory_limit"],
    ["a memory of 64 bits", '(memory (export "memory") i64 1 2)', "memory_limit"],
    ["two memories", '(memory (export "memory") 1) (memory 1)', "memory_limit"],
    ["a memory that begins above the limit", '(memory (export "memory") 1025)', "memory_limit"],
    ["a table that begins above the limit", '(memory (export "memory") 1) (table 10001 funcref)', "table_limit"],
    [
      "tables that together begin above it",
      '(memory (export "memory") 1) (table 6000 funcref) (table 6000 funcref)',
      "table_limit",
    ],
    ["nine tables", `(memory (export "memory") 1) ${"(table 1 funcref) ".repeat(9)}`, "unsupported"],
  ])("refuses %s", async (_, declarations, reason) => {
    expect(verdict(await wat(`(module ${declarations} (func (export "_start")))`, true))).toBe(reason);
  });

  it.each([
    ["none", "1", GUEST_LIMITS.memoryDefaultBytes],
    ["less than the limit", "1 20", 20 * PAGE],
    ["the limit", "1 1024", GUEST_LIMITS.memoryMaxBytes],
    ["more than the limit", "1 65536", GUEST_LIMITS.memoryMaxBytes],
    ["none, and it begins above the default", "300", 300 * PAGE],
  ])(
    "A2: a module whose maximum of memory is %s runs with no memory that can grow further than it may",
    async (_, memory, most) => {
      const examined = examineModule(await reactor({ ...ECHO, memory }));
      const { initial, maximum } = examined.memory;
      expect([initial, maximum]).toEqual([Number(memory.split(" ")[0]), most / PAGE]);
      expect(instantiate(examined, examined.memory).exports["memory"]).toBeInstanceOf(WebAssembly.Memory);
      expect(() => instantiate(examined, { initial, maximum: maximum + 1 })).toThrow(/maximum/);
    },
  );

  it("A2: a table without a maximum, or with a large one, grows to its share and no further", async () => {
    const more = `(table $a 1 funcref) (table $b 1 9999999 funcref)
      (func (export "grow_a") (param i32) (result i32) (table.grow $a (ref.null func) (local.get 0)))
      (func (export "grow_b") (param i32) (result i32) (table.grow $b (ref.null func) (local.get 0)))`;
    const examined = examineModule(await reactor({ ...ECHO, more }));
    const { exports } = instantiate(examined, examined.memory);
    const grow = (name: string, by: number): number => (exports[name] as (by: number) => number)(by);
    for (const name of ["grow_a", "grow_b"]) {
      expect(grow(name, 5_000)).toBe(-1);
      expect(grow(name, 4_999)).toBe(1);
      expect(grow(name, 1)).toBe(-1);
    }
  });

  it("refuses two sections of a kind", async () => {
    const module = await reactor(ECHO);
    expect(verdict(Buffer.concat([module, Uint8Array.from([5, 3, 1, 0, 1])]))).toBe("malformed");
  });

  it("refuses a function of more code than is compiled in one piece", async () => {
    const long = `(func (result i32) (i32.const 0) ${"(i32.const 1) (i32.add) ".repeat(360_000)})`;
    expect(verdict(await wat(reactorText({ ...ECHO, more: long }), true))).toBe("unsupported");
  });

  it("refuses types of garbage collection: they would be taken from the host's heap", () => {
    // (type (array (mut i8))), and a type with a parameter (ref null any).
    for (const types of [
      [1, 0x5e, 0x78, 1],
      [1, 0x60, 1, 0x63, 0x6e, 0],
    ])
      expect(verdict(Uint8Array.from([...HEADER, 1, types.length, ...types]))).toBe("unsupported");
  });

  it("A1 to A3: whatever the bytes, it ends with a module or a fault, and what it lets through is bounded", async () => {
    const modules = await Promise.all([
      reactor(ECHO),
      reactor(FORWARDER),
      reactor({ ...ECHO, memory: "1 60000", more: "(table 3 50000 funcref)" }),
    ]);
    const spoiled = fc.tuple(
      fc.constantFrom(...modules),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
      fc.nat(40),
    );
    fc.assert(
      fc.property(spoiled, ([module, edits, cut]) => {
        const bytes = Uint8Array.from(module).subarray(0, module.length - (cut > 30 ? cut : 0));
        for (const [at, value] of edits) bytes[8 + (at % (bytes.length - 8))] = value;
        let examined;
        try {
          examined = examineModule(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ModuleFault);
          return;
        }
        if (!WebAssembly.validate(examined.bytes)) return;
        const imports = WebAssembly.Module.imports(new WebAssembly.Module(examined.bytes));
        const names = ["call", "log", "memory", "result"];
        expect(imports.every(({ module: from, name }) => from === "symphainy" && names.includes(name))).toBe(true);
        expect(imports.filter(({ kind }) => kind !== "function")).toEqual([
          { module: "symphainy", name: "memory", kind: "memory" },
        ]);
        expect(examined.memory.maximum * PAGE).toBeLessThanOrEqual(GUEST_LIMITS.memoryMaxBytes);
      }),
      { numRuns: 2_000 },
    );
  });
});
