import type { GuestAbi, GuestFailureReason, ModuleRefusal } from "../../../shared/ports/wasm-runtime.ts";
import type { MemoryLimits } from "./module-sections.ts";

/** What it takes to make instances of a module. */
export interface LoadedModule {
  readonly module: WebAssembly.Module;
  readonly memory: MemoryLimits;
  readonly abi: GuestAbi;
}

/** What a guest's thread is started with. */
export interface GuestThreadData {
  readonly shared: SharedArrayBuffer;
}

/** From the host to a guest's thread. */
export type ToGuestThread =
  | {
      readonly kind: "run";
      /** The module's key; `module` comes along when this thread has not had it yet. */
      readonly key: string;
      readonly module: LoadedModule | undefined;
      readonly exportName: string;
      readonly input: Uint8Array;
    }
  | { readonly kind: "forget"; readonly key: string };

/** From a guest's thread to the host. */
export type FromGuestThread =
  /** `systemThreadId` is undefined where the system does not tell it. */
  | { readonly kind: "ready"; readonly systemThreadId: number | undefined }
  | { readonly kind: "call"; readonly callNumber: number; readonly request: Uint8Array }
  | { readonly kind: "returned"; readonly output: Uint8Array }
  | { readonly kind: "failed"; readonly reason: GuestFailureReason; readonly message: string };

export interface ToCompiler {
  readonly module: Uint8Array;
}

export type FromCompiler =
  | { readonly kind: "ready" }
  | {
      readonly kind: "compiled";
      readonly digest: string;
      readonly sizeBytes: number;
      readonly exports: readonly string[];
      readonly loaded: LoadedModule;
    }
  | { readonly kind: "refused"; readonly refusal: ModuleRefusal };
