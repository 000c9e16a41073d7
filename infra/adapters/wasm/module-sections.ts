import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import { CAPABILITY_MODULE, importType, MEMORY_NAME } from "./host-interface.ts";
import { leb128, ModuleFault, type ModuleReader } from "./module-reader.ts";

const PAGE_BYTES = 65_536;
const MAX_TYPES = 100_000;
const MAX_FUNCTIONS = 200_000;
const MAX_IMPORTS = 1_000;
const MAX_EXPORTS = 10_000;
const MAX_TABLES = 8;

const FUNCTION_FORM = 0x60;
const FUNCTION_KIND = 0;
const MEMORY_KIND = 2;
const IMPORT_SECTION = 2;
/** The memory of every guest is the host's, so that it can be used again: "symphainy" "memory". */
const MEMORY_IMPORT = [...named(CAPABILITY_MODULE), ...named(MEMORY_NAME), MEMORY_KIND];
/** Numbers, vectors and the two plain references; the types of garbage collection and exceptions are not among them. */
const VALUE_TYPES: Readonly<Record<number, string>> = {
  0x7f: "i",
  0x7e: "I",
  0x7d: "f",
  0x7c: "F",
  0x7b: "v",
  0x70: "r",
  0x6f: "x",
};

/** The types of functions, as `importType` writes them. */
export function readTypes(section: ModuleReader): readonly string[] {
  const list = (): string => {
    let text = "";
    for (let left = section.count("values in a type", 1_000); left > 0; left -= 1) {
      const at = section.offset;
      const type = VALUE_TYPES[section.byte()];
      if (type === undefined) throw new ModuleFault("unsupported", "It uses a value type that is not supported.", at);
      text += type;
    }
    return text;
  };
  return Array.from({ length: section.count("types", MAX_TYPES) }, () => {
    const at = section.offset;
    if (section.byte() !== FUNCTION_FORM)
      throw new ModuleFault("unsupported", "It has types that are not those of functions.", at);
    return `${list()}>${list()}`;
  });
}

export interface Imports {
  /** Of the functions, in their order. */
  readonly types: readonly string[];
  /** The imports in the binary format, without their count. */
  readonly entries: Uint8Array;
}

/** The imported functions, each one that the host provides. */
export function readImports(section: ModuleReader, types: readonly string[]): Imports {
  const count = section.count("imports", MAX_IMPORTS);
  const begin = section.offset;
  const imported = Array.from({ length: count }, () => {
    const at = section.offset;
    const module = section.name();
    const name = section.name();
    const expected = importType(module, name);
    if (section.byte() !== FUNCTION_KIND || expected === undefined)
      throw new ModuleFault(
        "import_not_allowed",
        `It imports ${quoted(module)}.${quoted(name)}, which is not there.`,
        at,
      );
    if (types[section.u32()] !== expected)
      throw new ModuleFault("import_not_allowed", `It imports ${module}.${name} with another type.`, at);
    return expected;
  });
  return { types: imported, entries: section.bytes.subarray(begin, section.offset) };
}

/** The types of the module's own functions. */
export function readFunctions(section: ModuleReader, types: readonly string[]): readonly string[] {
  return Array.from({ length: section.count("functions", MAX_FUNCTIONS) }, () => types[section.u32()] ?? "");
}

export interface ModuleExports {
  readonly functions: ReadonlyMap<string, number>;
  readonly memories: ReadonlySet<string>;
}

export function readExports(section: ModuleReader): ModuleExports {
  const functions = new Map<string, number>();
  const memories = new Set<string>();
  for (let left = section.count("exports", MAX_EXPORTS); left > 0; left -= 1) {
    const name = section.name();
    const kind = section.byte();
    const index = section.u32();
    if (kind === FUNCTION_KIND) functions.set(name, index);
    if (kind === MEMORY_KIND) memories.add(name);
  }
  return { functions, memories };
}

/** Refuses a function whose code is too long to be compiled in one piece. */
export function checkCode(section: ModuleReader): void {
  for (let left = section.count("functions", MAX_FUNCTIONS); left > 0; left -= 1) {
    const at = section.offset;
    const sizeBytes = section.u32();
    if (sizeBytes > GUEST_LIMITS.functionBytes)
      throw new ModuleFault(
        "unsupported",
        `A function has ${sizeBytes} bytes of code; ${GUEST_LIMITS.functionBytes} are allowed.`,
        at,
      );
    section.part(sizeBytes);
  }
}

/** In pages of 64 KiB. */
export interface MemoryLimits {
  readonly initial: number;
  readonly maximum: number;
}

/** The module's one memory with a maximum that is ours; undefined when it has none. */
export function readMemory(section: ModuleReader): MemoryLimits | undefined {
  const at = section.offset;
  const count = section.u32();
  if (count > 1) throw new ModuleFault("memory_limit", "It has more than one memory.", at);
  if (count === 0) return undefined;
  const { least, most } = readLimits(section, "memory_limit", "memory");
  const leastBytes = least * PAGE_BYTES;
  if (leastBytes > GUEST_LIMITS.memoryMaxBytes)
    throw new ModuleFault(
      "memory_limit",
      `It begins with ${leastBytes} bytes of memory; ${GUEST_LIMITS.memoryMaxBytes} are allowed.`,
      at,
    );
  const wantedBytes = most === undefined ? Math.max(leastBytes, GUEST_LIMITS.memoryDefaultBytes) : most * PAGE_BYTES;
  return { initial: least, maximum: Math.min(wantedBytes, GUEST_LIMITS.memoryMaxBytes) / PAGE_BYTES };
}

/** The import section with the memory as one more import. */
export function importSection({ types, entries }: Imports, { initial, maximum }: MemoryLimits): Uint8Array {
  const count = leb128(types.length + 1);
  const added = Uint8Array.from([...MEMORY_IMPORT, 1, ...leb128(initial), ...leb128(maximum)]);
  const size = leb128(count.length + entries.length + added.length);
  return Buffer.concat([Uint8Array.from([IMPORT_SECTION, ...size, ...count]), entries, added]);
}

/** The table section again, with maxima that together are what an instance may have. */
export function clampTables(section: ModuleReader): readonly number[] {
  const count = section.count("tables", MAX_TABLES);
  const bytes: number[] = [...leb128(count)];
  const shareEach = Math.floor(GUEST_LIMITS.tableEntries / Math.max(1, count));
  for (let left = count; left > 0; left -= 1) {
    const at = section.offset;
    const type = section.byte();
    // A table of another kind, or one with an expression for its entries.
    if (type !== 0x70 && type !== 0x6f)
      throw new ModuleFault("unsupported", "It has a table of a kind that is not supported.", at);
    const { least, most } = readLimits(section, "table_limit", "table");
    if (least > shareEach)
      throw new ModuleFault("table_limit", `A table begins with ${least} entries; ${shareEach} are allowed.`, at);
    bytes.push(type, 1, ...leb128(least), ...leb128(Math.min(most ?? shareEach, shareEach)));
  }
  return bytes;
}

interface Limits {
  readonly least: number;
  readonly most: number | undefined;
}

function readLimits(section: ModuleReader, reason: "memory_limit" | "table_limit", what: string): Limits {
  const at = section.offset;
  const flags = section.byte();
  if (flags > 1)
    throw new ModuleFault(
      reason,
      `Its ${what} is shared, of 64 bits or of another page size, which is not allowed.`,
      at,
    );
  const least = section.u32();
  const most = flags === 1 ? section.u32() : undefined;
  if (most !== undefined && most < least)
    throw new ModuleFault("malformed", `The maximum of its ${what} is below the minimum.`, at);
  return { least, most };
}

/** A name as the binary format has it. */
function named(text: string): readonly number[] {
  const bytes = Buffer.from(text);
  return [...leb128(bytes.length), ...bytes];
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}
