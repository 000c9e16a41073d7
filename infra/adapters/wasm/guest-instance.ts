import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import type { GuestAbi, GuestFailureReason } from "../../../shared/ports/wasm-runtime.ts";
import type { CallAnswer } from "./call-channel.ts";
import { createCapabilityImports } from "./capability-imports.ts";
import { GuestMemory } from "./guest-memory.ts";
import { CAPABILITY_MODULE, MEMORY_NAME, WASI_MODULE } from "./host-interface.ts";
import { OutputBuffer } from "./output-buffer.ts";
import { CommandExit, createWasi } from "./wasi.ts";

export interface GuestRun {
  readonly module: WebAssembly.Module;
  /** All zeros, and nobody else's. */
  readonly memory: WebAssembly.Memory;
  readonly abi: GuestAbi;
  readonly exportName: string;
  readonly input: Uint8Array;
  readonly ask: (request: Uint8Array) => CallAnswer;
  readonly log: (bytes: Uint8Array) => void;
  readonly nowMs: () => number;
}

export type GuestEnd =
  | { readonly kind: "returned"; readonly output: Uint8Array }
  | { readonly kind: "failed"; readonly reason: GuestFailureReason; readonly message: string };

const LOW_HALF = 0xff_ff_ff_ffn;

/** Runs one call in an instance of its own, in this thread, to its end. Never throws. */
export function runGuest(run: GuestRun): GuestEnd {
  const output = new OutputBuffer();
  const memory = new GuestMemory(run.memory);
  const scene = { ...run, output, memory, exitCode: undefined as number | undefined };
  const imports = {
    [CAPABILITY_MODULE]: { ...createCapabilityImports(scene), [MEMORY_NAME]: run.memory },
    [WASI_MODULE]: createWasi(scene),
    env: { abort: () => run.log(Buffer.from("The guest aborted: an assertion failed.\n")) },
  };
  try {
    // A start function runs here already.
    const { exports } = new WebAssembly.Instance(run.module, imports);
    if (run.abi === "reactor") return callReactor(exports, memory, run);
    functionOf(exports, "_start")?.();
  } catch (error) {
    if (scene.exitCode === undefined) return failed(error);
  }
  if (scene.exitCode !== undefined && scene.exitCode !== 0)
    return { kind: "failed", reason: "exit_code", message: `The command ended with code ${scene.exitCode}.` };
  if (output.overflown) return tooLarge();
  return { kind: "returned", output: output.take() };
}

function callReactor(
  exports: WebAssembly.Instance["exports"],
  memory: GuestMemory,
  { exportName, input }: GuestRun,
): GuestEnd {
  functionOf(exports, "_initialize")?.();
  const pointer = functionOf(exports, "alloc")?.(input.length);
  const place = memory.view(pointer, input.length);
  if (place === undefined) return abiViolation("alloc gave a place that is not in its memory");
  place.set(input);
  const packed = functionOf(exports, exportName)?.(pointer, input.length);
  if (typeof packed !== "bigint") return abiViolation(`${exportName} gave no i64`);
  const length = Number(packed & LOW_HALF);
  if (length > GUEST_LIMITS.payloadBytes) return tooLarge();
  const output = memory.view(Number((packed >> 32n) & LOW_HALF), length);
  if (output === undefined) return abiViolation(`${exportName} gave a place that is not in its memory`);
  return { kind: "returned", output: output.slice() };
}

function functionOf(
  exports: WebAssembly.Instance["exports"],
  name: string,
): ((...args: readonly unknown[]) => unknown) | undefined {
  const value = exports[name];
  return typeof value === "function" ? (value as (...args: readonly unknown[]) => unknown) : undefined;
}

function failed(error: unknown): GuestEnd {
  if (error instanceof CommandExit) return { kind: "returned", output: new Uint8Array() };
  if (error instanceof WebAssembly.RuntimeError)
    return { kind: "failed", reason: "trap", message: `It trapped: ${error.message}.` };
  if (error instanceof WebAssembly.Exception)
    return { kind: "failed", reason: "trap", message: "It threw an exception that nobody caught." };
  if (error instanceof RangeError) {
    return /call stack/.test(error.message)
      ? { kind: "failed", reason: "stack_overflow", message: "It used up its stack." }
      : { kind: "failed", reason: "out_of_memory", message: "There was no memory for it." };
  }
  return abiViolation(error instanceof Error ? error.message : "it failed in an unknown way");
}

function abiViolation(how: string): GuestEnd {
  return { kind: "failed", reason: "abi_violation", message: `The guest does not keep to its ABI: ${how}.` };
}

function tooLarge(): GuestEnd {
  const message = `The guest gave more than ${GUEST_LIMITS.payloadBytes} bytes.`;
  return { kind: "failed", reason: "output_too_large", message };
}
