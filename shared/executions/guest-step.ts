import type { JsonValue } from "../json.ts";
import type { GuestWork } from "../sagas/plan.ts";
import { wasmError } from "../wasm-error.ts";
import type { GuestSteps } from "../wasm/guest-steps.ts";
import type { Attempt, ErasedContext } from "./step-runner.ts";

/** The call of an attempt whose work a guest does. What it gives is checked against the plan's schema. */
export function guestCall(
  guests: GuestSteps,
  work: GuestWork,
  epoch: number,
  input: (ctx: ErasedContext) => unknown,
): Attempt["call"] {
  return async (ctx) => {
    const output = await guests.run({
      tenantId: ctx.tenantId,
      executionId: ctx.executionId,
      epoch,
      intentType: ctx.intent.intent_type,
      stepName: ctx.key.slice(ctx.executionId.length + 1),
      digest: work.sha256,
      export: work.exportName,
      capabilities: work.capabilities,
      input: input(ctx) as JsonValue,
      deadlineMs: work.timeoutMs,
    });
    const parsed = work.output.safeParse(output);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw wasmError("WASM_RUNTIME_ERROR", `What the guest gave is not what its plan says: ${issue?.message ?? ""}`, {
      reason: "output_schema",
      details: { path: issue?.path.join(".") ?? "" },
    });
  };
}
