import { hash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";

import type { ModuleRefusal } from "../../../shared/ports/wasm-runtime.ts";
import { examineModule } from "./admission.ts";
import { ModuleFault } from "./module-reader.ts";
import type { CompilerEnd, FromCompiler, ThreadData, ToCompiler } from "./thread-messages.ts";
import { LOW_PRIORITY, setThreadPriority } from "./thread-priority.ts";

/** The thread that examines and compiles modules: a guest's bytes are never worked on elsewhere. */
function compile(module: Uint8Array): CompilerEnd {
  try {
    const { bytes, memory, abi, exports } = examineModule(module);
    const loaded = { module: new WebAssembly.Module(bytes), memory, abi };
    return { kind: "compiled", digest: hash("sha256", module), sizeBytes: module.length, exports, loaded };
  } catch (error) {
    return { kind: "refused", refusal: refusalOf(error) };
  }
}

function refusalOf(error: unknown): ModuleRefusal {
  if (error instanceof ModuleFault) return { reason: error.reason, message: error.message, offset: error.offset };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof WebAssembly.CompileError) {
    // "…: expected type i32, found … @+94": of the bytes as they were rewritten, which differ in two sections.
    return { reason: "malformed", message: `The module is not valid: ${message}` };
  }
  return { reason: "unsupported", message: `The module cannot be compiled: ${message}` };
}

setThreadPriority(0, LOW_PRIORITY);
parentPort?.on("message", ({ sizeBytes }: ToCompiler) => {
  const before = process.threadCpuUsage();
  const end = compile(new Uint8Array((workerData as ThreadData).shared, 0, sizeBytes).slice());
  const { user, system } = process.threadCpuUsage(before);
  send({ ...end, cpuMs: (user + system) / 1_000 });
});
send({ kind: "ready" });

function send(message: FromCompiler): void {
  parentPort?.postMessage(message);
}
