import { hash } from "node:crypto";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";

import type { ModuleRefusal } from "../../../shared/ports/wasm-runtime.ts";
import { examineModule } from "./admission.ts";
import { ModuleFault } from "./module-reader.ts";
import type { FromCompiler, ToCompiler } from "./thread-messages.ts";
import { LOW_PRIORITY } from "./thread-priority.ts";

/** The thread that examines and compiles modules: a guest's bytes are never worked on elsewhere. */
function compile({ module }: ToCompiler): FromCompiler {
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

// Linux takes this for the calling thread; elsewhere it would be the whole process.
if (process.platform === "linux") setPriority(LOW_PRIORITY);
parentPort?.on("message", (message: ToCompiler) => parentPort?.postMessage(compile(message)));
parentPort?.postMessage({ kind: "ready" } satisfies FromCompiler);
