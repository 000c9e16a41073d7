import type { InstanceId, TenantId } from "../ids.ts";
import type { CapabilityCall, CapabilityReply } from "./wasm-capabilities.ts";

/**
 * Runs guests: WebAssembly modules of tenants, sealed.
 *  W1  Every call runs in an instance of its own, made for it and dropped after it: nothing of an earlier call is left in memory.
 *  W2  Whatever a guest does, `invoke` settles, at the latest soon after the call's deadline; it rejects only when it was asked wrongly.
 *  W3  A guest reaches nothing outside its memory but the input that it was given and what `onCall` grants it.
 *  W4  One tenant's guests cannot take the places of all others: calls that wait are served tenant by tenant.
 *  W5  A module is run only after it was admitted, as it was rewritten then.
 */
export interface GuestPool {
  /** Examines a module, and compiles it for this tenant off the main thread. The same bytes twice is once. */
  admit(tenantId: TenantId, module: Uint8Array): Promise<AdmissionOutcome>;
  invoke(invocation: GuestInvocation): Promise<GuestOutcome>;
  /** Ends what runs, with the failure `closed`. */
  close(): Promise<void>;
}

/** Where admitted modules are kept: asked for one that the pool does not hold compiled. */
export interface ModuleSource {
  /** The module's bytes as they were uploaded; undefined when the tenant has none of that digest. */
  read(tenantId: TenantId, digest: string): Promise<Uint8Array | undefined>;
}

/** `wasi_command`: exports `_start`, JSON on stdin and stdout. `reactor`: exports `memory`, `alloc` and functions of (pointer, length). */
export type GuestAbi = "wasi_command" | "reactor";

export interface AdmittedModule {
  /** Lower-case hex SHA-256 of the bytes as they were uploaded: the module's identity. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly abi: GuestAbi;
  /** The names of the functions that may be invoked. */
  readonly exports: readonly string[];
}

export type AdmissionOutcome =
  | { readonly outcome: "admitted"; readonly module: AdmittedModule }
  | { readonly outcome: "refused"; readonly refusal: ModuleRefusal };

export interface ModuleRefusal {
  readonly reason: ModuleRefusalReason;
  readonly message: string;
  /** Where in the file, in bytes, when it is known. */
  readonly offset?: number | undefined;
}

export const MODULE_REFUSAL_REASONS = [
  "empty",
  "too_large",
  "not_wasm",
  "malformed",
  "unsupported",
  "import_not_allowed",
  "memory_limit",
  "table_limit",
  "no_abi",
  "compile_deadline",
  "queue_full",
  /** No node could be asked; nothing is known of the module. */
  "node_lost",
] as const;
export type ModuleRefusalReason = (typeof MODULE_REFUSAL_REASONS)[number];

export interface GuestInvocation {
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
  readonly digest: string;
  /** The exported function; absent means `_start` of a command and `invoke` of a reactor. */
  readonly export?: string | undefined;
  readonly input: Uint8Array;
  /** How long the guest may run; 1 to 30,000. */
  readonly deadlineMs: number;
  /**
   * Answers a capability call of the guest. Asked in the host, once a call, never by the guest's own thread; `signal` aborts when
   * the guest is gone and nobody waits for the answer.
   */
  readonly onCall: (call: CapabilityCall, signal: AbortSignal) => Promise<CapabilityReply>;
}

export type GuestOutcome =
  | { readonly outcome: "returned"; readonly output: Uint8Array; readonly report: GuestReport }
  | { readonly outcome: "failed"; readonly failure: GuestFailure; readonly report: GuestReport };

/** What is known of a call, however it ended. */
export interface GuestReport {
  /** What the guest logged, up to the limit. */
  readonly log: string;
  readonly logTruncated: boolean;
  /** From when it got a worker to its end. */
  readonly runMs: number;
}

export interface GuestFailure {
  readonly reason: GuestFailureReason;
  /** For people. Of the guest's own making in part: shown to its tenant only. */
  readonly message: string;
}

/** Why a call fails; `FAILURE_CLASSES` says what each is to its caller. */
export const GUEST_FAILURE_REASONS = [
  /** It trapped: unreachable code, a bad access, a division by zero, an exception that nobody caught. */
  "trap",
  "stack_overflow",
  /** It ran longer than its deadline, and was ended. */
  "deadline",
  /** A command ended with a code that is not 0. */
  "exit_code",
  "unknown_export",
  /** The function does not have the signature of its ABI, or gave a place that is not in its memory. */
  "abi_violation",
  "output_too_large",
  /** It gave something that is not JSON. */
  "output_invalid",
  "input_too_large",
  /** The host could not give the instance its memory, or its thread ran out of it. */
  "out_of_memory",
  /** The thread ended without a word. */
  "worker_lost",
  "module_missing",
  "module_refused",
  /** Too many calls wait. */
  "queue_full",
  /** It waited for a worker longer than it may. */
  "queue_timeout",
  "closed",
  /** The node was not reached: nothing of the call has begun. */
  "node_unreachable",
  /** The node was lost, or fell silent, in the middle of the call: what it did through capabilities is done. */
  "node_lost",
] as const;
export type GuestFailureReason = (typeof GUEST_FAILURE_REASONS)[number];
