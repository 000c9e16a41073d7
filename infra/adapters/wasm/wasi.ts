import { HOST_INTERFACE, WASI_MODULE } from "./host-interface.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { OutputBuffer } from "./output-buffer.ts";

/** Error numbers of wasi_snapshot_preview1. */
const SUCCESS = 0;
const BADF = 8;
const FAULT = 21;
const INVAL = 28;
const FBIG = 22;
const NOSYS = 52;
const SPIPE = 70;

const MAX_VECTORS = 1_024;
const CHARACTER_DEVICE = 2;
const RIGHTS_READ = 2n;
const RIGHTS_WRITE = 64n;
const NANOSECONDS = 1_000_000n;
/** What one call to random_get fills at the most: guests that want more ask again. */
const MAX_RANDOM_BYTES = 65_536;

/** Ends a command from within. A guest may catch it: that it exited stands nevertheless. */
export class CommandExit extends Error {}

export interface WasiScene {
  readonly memory: GuestMemory;
  readonly input: Uint8Array;
  readonly output: OutputBuffer;
  readonly log: (bytes: Uint8Array) => void;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  exitCode: number | undefined;
}

type HostFunction = (...args: readonly unknown[]) => number;

/**
 * WASI preview 1 for a command that has three streams and nothing else: no files, no arguments, no environment, a clock of
 * milliseconds. What it does not do answers NOSYS, what is about files BADF; nothing here throws but the exit.
 * Source: github.com/WebAssembly/WASI, phases/snapshot/docs.md.
 */
export function createWasi(scene: WasiScene): Record<string, HostFunction> {
  let inputRead = 0;
  const read = ({ memory, input }: WasiScene, vectors: readonly Uint8Array[], countAt: unknown): number => {
    let count = 0;
    for (const vector of vectors) {
      const piece = input.subarray(inputRead, inputRead + vector.length);
      vector.set(piece);
      inputRead += piece.length;
      count += piece.length;
    }
    return putU32(memory, countAt, count);
  };
  const write = (fd: unknown, vectors: readonly Uint8Array[], countAt: unknown): number => {
    let count = 0;
    for (const vector of vectors) {
      if (fd === 2) scene.log(vector);
      else if (!scene.output.write(vector)) return FBIG;
      count += vector.length;
    }
    return putU32(scene.memory, countAt, count);
  };
  /** The counts of arguments or of the environment: none, of no bytes. */
  const nothing: HostFunction = (countAt, sizeAt) =>
    putU32(scene.memory, countAt, 0) || putU32(scene.memory, sizeAt, 0);
  const isStream = (fd: unknown): boolean => fd === 0 || fd === 1 || fd === 2;
  const known: Record<string, HostFunction> = {
    args_sizes_get: nothing,
    environ_sizes_get: nothing,
    args_get: () => SUCCESS,
    environ_get: () => SUCCESS,
    sched_yield: () => SUCCESS,
    clock_res_get: (_id, at) => putU64(scene.memory, at, NANOSECONDS),
    clock_time_get: (_id, _precision, at) => putU64(scene.memory, at, BigInt(Math.trunc(scene.nowMs())) * NANOSECONDS),
    random_get: (at, length) => {
      const place = scene.memory.view(at, length);
      if (place === undefined) return FAULT;
      if (place.length > MAX_RANDOM_BYTES) return INVAL;
      crypto.getRandomValues(place as Uint8Array<ArrayBuffer>);
      return SUCCESS;
    },
    fd_read: (fd, at, count, countAt) => {
      const vectors = fd === 0 ? vectorsAt(scene.memory, at, count) : BADF;
      return typeof vectors === "number" ? vectors : read(scene, vectors, countAt);
    },
    fd_write: (fd, at, count, countAt) => {
      const vectors = fd === 1 || fd === 2 ? vectorsAt(scene.memory, at, count) : BADF;
      return typeof vectors === "number" ? vectors : write(fd, vectors, countAt);
    },
    fd_close: (fd) => (isStream(fd) ? SUCCESS : BADF),
    fd_seek: (fd) => (isStream(fd) ? SPIPE : BADF),
    fd_tell: (fd) => (isStream(fd) ? SPIPE : BADF),
    fd_fdstat_get: (fd, at) => {
      if (!isStream(fd)) return BADF;
      const cells = scene.memory.cells(at, 24);
      if (cells === undefined) return FAULT;
      cells.setUint8(0, CHARACTER_DEVICE);
      cells.setUint16(2, 0, true);
      cells.setBigUint64(8, fd === 0 ? RIGHTS_READ : RIGHTS_WRITE, true);
      cells.setBigUint64(16, 0n, true);
      return SUCCESS;
    },
    // There are no folders, which is how a guest's library finds out that there are no files.
    fd_prestat_get: () => BADF,
    fd_prestat_dir_name: () => BADF,
    path_open: () => BADF,
    proc_exit: (code) => {
      scene.exitCode ??= typeof code === "number" ? code >>> 0 : 1;
      throw new CommandExit();
    },
  };
  const names = Object.keys(HOST_INTERFACE[WASI_MODULE] ?? {});
  return Object.fromEntries(names.map((name) => [name, known[name] ?? (() => NOSYS)]));
}

/** The places that a list of (pointer, length) names; an error number when one of them is not in the memory. */
function vectorsAt(memory: GuestMemory, at: unknown, count: unknown): readonly Uint8Array[] | number {
  const length = typeof count === "number" ? count >>> 0 : MAX_VECTORS + 1;
  if (length > MAX_VECTORS) return INVAL;
  const list = memory.cells(at, length * 8);
  if (list === undefined) return FAULT;
  const vectors: Uint8Array[] = [];
  for (let index = 0; index < length; index += 1) {
    const vector = memory.view(list.getUint32(index * 8, true), list.getUint32(index * 8 + 4, true));
    if (vector === undefined) return FAULT;
    vectors.push(vector);
  }
  return vectors;
}

function putU32(memory: GuestMemory, at: unknown, value: number): number {
  const cells = memory.cells(at, 4);
  cells?.setUint32(0, value, true);
  return cells === undefined ? FAULT : SUCCESS;
}

function putU64(memory: GuestMemory, at: unknown, value: bigint): number {
  const cells = memory.cells(at, 8);
  cells?.setBigUint64(0, value, true);
  return cells === undefined ? FAULT : SUCCESS;
}
