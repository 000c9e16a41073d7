import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import type { GuestAbi } from "../../../shared/ports/wasm-runtime.ts";
import { leb128, ModuleFault, ModuleReader } from "./module-reader.ts";
import {
  checkCode,
  clampTables,
  type Imports,
  importSection,
  type MemoryLimits,
  type ModuleExports,
  readExports,
  readFunctions,
  readImports,
  readMemory,
  readTypes,
} from "./module-sections.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const SECTION = { custom: 0, type: 1, import: 2, function: 3, table: 4, memory: 5, export: 7, code: 10 } as const;

export interface ExaminedModule {
  /** The module with its memory as an import and our maximum of its tables in it; everything else is as it was. */
  readonly bytes: Uint8Array;
  readonly memory: MemoryLimits;
  readonly abi: GuestAbi;
  readonly exports: readonly string[];
}

/**
 * Reads as much of a module (WebAssembly core specification 3.0, chapter 5) as decides what it may take, and rewrites that.
 *  A1  Admitted is only what imports nothing but functions of ours, with their types, and has one plain memory.
 *  A2  The maxima of memory and tables are in the bytes that are compiled: no instance can pass them.
 *  A3  It looks at each byte once at the most, and keeps less than it reads.
 * Whether the module is valid is for the compiler to say, about the rewritten bytes. Throws ModuleFault.
 */
export function examineModule(module: Uint8Array): ExaminedModule {
  const reader = openModule(module);
  const before: Uint8Array[] = [];
  const after: Uint8Array[] = [];
  let types: readonly string[] = [];
  let imports: Imports = { types: [], entries: new Uint8Array() };
  let functions: readonly string[] = [];
  let memory: MemoryLimits | undefined;
  let exported: ModuleExports = { functions: new Map(), memories: new Set() };
  const seen = new Set<number>();

  while (!reader.atEnd) {
    const begin = reader.offset;
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id !== SECTION.custom && seen.has(id)) throw new ModuleFault("malformed", `It has two sections ${id}.`, begin);
    seen.add(id);
    let rewritten: readonly number[] | undefined;
    let dropped = false;
    if (id === SECTION.type) types = readTypes(section);
    else if (id === SECTION.import) {
      imports = readImports(section, types);
      dropped = true;
    } else if (id === SECTION.function) functions = readFunctions(section, types);
    else if (id === SECTION.table) rewritten = clampTables(section);
    else if (id === SECTION.memory) {
      memory = readMemory(section);
      dropped = true;
    } else if (id === SECTION.export) exported = readExports(section);
    else if (id === SECTION.code) checkCode(section);
    // What is left of a section that is not passed on as it is would be lost without a word.
    if ((rewritten !== undefined || dropped) && !section.atEnd)
      throw section.malformed("has more in a section than belongs there");
    if (dropped) continue;
    const piece =
      rewritten === undefined
        ? module.subarray(begin, reader.offset)
        : Uint8Array.from([id, ...leb128(rewritten.length), ...rewritten]);
    (id === SECTION.type ? before : after).push(piece);
  }
  const called = abiOf([...imports.types, ...functions], exported);
  if (memory === undefined) throw noAbi();
  const imported = importSection(imports, memory);
  return {
    bytes: Buffer.concat([module.subarray(0, HEADER.length), ...before, imported, ...after]),
    memory,
    ...called,
  };
}

/** Why a module is too large to be looked at; undefined when it is not. */
export function tooLarge({ length }: Uint8Array): string | undefined {
  return length > GUEST_LIMITS.moduleBytes
    ? `The module has ${length} bytes; ${GUEST_LIMITS.moduleBytes} are allowed.`
    : undefined;
}

function openModule(module: Uint8Array): ModuleReader {
  if (module.length === 0) throw new ModuleFault("empty", "The module is empty.", 0);
  const message = tooLarge(module);
  if (message !== undefined) throw new ModuleFault("too_large", message, 0);
  const wrong = HEADER.findIndex((byte, index) => module[index] !== byte);
  if (wrong !== -1)
    throw new ModuleFault("not_wasm", "It does not begin as a WebAssembly module of version 1 does.", wrong);
  return new ModuleReader(module, HEADER.length, module.length);
}

/** How the module wants to be called, by what it exports. */
function abiOf(functions: readonly string[], exported: ModuleExports): Pick<ExaminedModule, "abi" | "exports"> {
  const typeOf = (name: string): string | undefined => functions[exported.functions.get(name) ?? -1];
  if (exported.memories.has("memory")) {
    if (typeOf("_start") === ">") return { abi: "wasi_command", exports: ["_start"] };
    const callable = [...exported.functions.keys()].filter((name) => typeOf(name) === "ii>I");
    if (typeOf("alloc") === "i>i" && callable.length > 0) return { abi: "reactor", exports: callable };
  }
  throw noAbi();
}

function noAbi(): ModuleFault {
  return new ModuleFault(
    "no_abi",
    "It exports neither memory and _start (a WASI command), nor memory, alloc(i32) -> i32 and a function (i32, i32) -> i64.",
    0,
  );
}
