import type * as z from "zod";

import { type Duration, durationMs } from "../duration.ts";
import { RuntimeError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { GUEST_LIMITS } from "../ports/guest-limits.ts";
import type { ProviderType } from "../ports/wasm-capabilities.ts";
import { unknownPermissions } from "../wasm/capability-rules.ts";
import type { GuestWork, PlanView, Work } from "./plan.ts";
import { type RetryOptions, retryPolicy } from "./retry-policy.ts";
import type { UndoContext } from "./step-context.ts";

/** How long a call may wait for its turn, beyond its own time. */
const QUEUE_MS = durationMs("15s");
const SHA256 = /^[0-9a-f]{64}$/;

export interface WasmOptions<Input, Outputs, Output extends JsonObject> {
  /** One of the tenant's modules: the lower-case hex SHA-256 of its bytes. */
  readonly module: { readonly sha256: string };
  /** The function to call; default `invoke`, or the program of a command. */
  readonly export?: string;
  /** What the guest may do, and nothing else; of kv, the keys belong to this step of this intent, over all executions of a tenant. */
  readonly capabilities?: readonly { readonly provider: ProviderType; readonly permissions: readonly string[] }[];
  readonly input: (view: PlanView<Input, Outputs>) => JsonValue;
  /** What the guest must give: anything else fails the step for good. */
  readonly output: z.ZodType<Output>;
  readonly undo?: (ctx: UndoContext<Input, Outputs, Output>) => unknown;
  /** How long the guest may run, from 1s to 30s; default 5s. */
  readonly timeout?: Duration;
  /** Of calls that found no room or lost their host: what the guest itself does wrong is not tried again. */
  readonly retry?: RetryOptions;
}

/** The work of a Wasm step. Throws `plan.bad_wasm_step` for what could never run. */
export function wasmWork(type: string, name: string, options: WasmOptions<never, never, JsonObject>): Work {
  const { sha256 } = options.module;
  const timeoutMs = durationMs(options.timeout ?? "5s");
  const capabilities = (options.capabilities ?? []).map(({ provider, permissions }) => ({
    providerType: provider,
    permissions,
  }));
  const fault = (message: string) => new RuntimeError("plan.bad_wasm_step", `${type}: ${name} ${message}.`);
  if (!SHA256.test(sha256)) throw fault(`names its module by ${JSON.stringify(sha256)}, which is no SHA-256 in hex`);
  const { deadlineMinMs, deadlineMaxMs } = GUEST_LIMITS;
  if (timeoutMs < deadlineMinMs || timeoutMs > deadlineMaxMs)
    throw fault(`may run from ${deadlineMinMs} to ${deadlineMaxMs} ms, not ${timeoutMs}`);
  for (const { providerType, permissions } of capabilities) {
    const [unknown] = unknownPermissions(providerType, permissions);
    if (unknown !== undefined) throw fault(`asks for ${unknown}, which the provider ${providerType} does not have`);
    if (permissions.some((permission) => permission.startsWith("msg:subscribe")))
      throw fault("asks for messages, which only an instance gets: it is nobody between two runs");
    if (permissions.length === 0) throw fault(`asks for ${providerType} without a permission`);
  }
  const guest: GuestWork = { sha256, exportName: options.export, capabilities, timeoutMs, output: options.output };
  return {
    run: options.input,
    guest,
    undo: options.undo,
    timeoutMs: timeoutMs + QUEUE_MS,
    retry: retryPolicy(options.retry),
    semantics: "at-least-once",
  };
}
