import type {
  GuestFailureReason,
  GuestInvocation,
  GuestOutcome,
  GuestReport,
} from "../../../shared/ports/wasm-runtime.ts";
import type { GuestThread } from "./guest-thread.ts";
import type { GuestThreads } from "./guest-threads.ts";
import type { CompiledModule } from "./module-compiler.ts";

/** Of a call that never ran. */
const NOTHING: GuestReport = { log: "", logTruncated: false, runMs: 0 };

/** One call on its way, from its line to its end. */
export interface Call {
  readonly invocation: GuestInvocation;
  readonly key: string;
  readonly compiled: CompiledModule;
  readonly settle: (outcome: GuestOutcome) => void;
  timer: NodeJS.Timeout | undefined;
  /** When it got its thread. */
  startedMs: number;
  thread: GuestThread | undefined;
  lane: GuestThreads | undefined;
  /** Aborts when the guest is gone. */
  readonly gone: AbortController;
}

/** The name of the function that a call is of. */
export function exportOf({ export: name }: GuestInvocation, { info }: CompiledModule): string {
  return name ?? (info.abi === "wasi_command" ? "_start" : "invoke");
}

/** A call that ends before it has a thread. */
export function unstarted(reason: GuestFailureReason, message: string): GuestOutcome {
  return { outcome: "failed", failure: { reason, message }, report: NOTHING };
}

/** Ends a call that failed, unless it has ended. */
export function fail(call: Call, reason: GuestFailureReason, message: string): void {
  end(call, { outcome: "failed", failure: { reason, message }, report: reportOf(call) });
}

/** Ends a call with what its guest gave, unless it has ended. */
export function succeed(call: Call, output: Uint8Array): void {
  end(call, { outcome: "returned", output, report: reportOf(call) });
}

/** The first end of a call is its end. */
function end(call: Call, outcome: GuestOutcome): void {
  clearTimeout(call.timer);
  call.gone.abort();
  call.settle(outcome);
}

function reportOf({ thread, startedMs }: Call): GuestReport {
  if (thread === undefined) return NOTHING;
  return { ...thread.channel.readLog(), runMs: performance.now() - startedMs };
}
