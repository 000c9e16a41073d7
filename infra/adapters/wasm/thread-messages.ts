import type { GuestAbi, ModuleRefusal } from "../../../shared/ports/wasm-runtime.ts";
import type { GuestEnd } from "./guest-instance.ts";
import type { MemoryLimits } from "./module-sections.ts";

/** What it takes to make instances of a module. */
export interface LoadedModule {
  readonly module: WebAssembly.Module;
  readonly memory: MemoryLimits;
  readonly abi: GuestAbi;
}

/** What a thread is started with. */
export interface ThreadData {
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
      /** After how long the thread itself breaks the call off; undefined where the host ends the thread. */
      readonly limitMs: number | undefined;
    }
  | { readonly kind: "forget"; readonly key: string };

/** From a guest's thread to the host. */
export type FromGuestThread =
  /** `systemThreadId` is undefined where the system does not tell it. */
  | { readonly kind: "ready"; readonly systemThreadId: number | undefined }
  | { readonly kind: "call"; readonly callNumber: number; readonly request: Uint8Array }
  /** With the processor time that the call took. */
  | (GuestEnd & { readonly cpuMs: number });

/** The module lies at the beginning of what the thread shares with the host. */
export interface ToCompiler {
  readonly sizeBytes: number;
}

export type FromCompiler = { readonly kind: "ready" } | (CompilerEnd & { readonly cpuMs: number });

export type CompilerEnd =
  | {
      readonly kind: "compiled";
      readonly digest: string;
      readonly sizeBytes: number;
      readonly exports: readonly string[];
      readonly loaded: LoadedModule;
    }
  | { readonly kind: "refused"; readonly refusal: ModuleRefusal };
