import { toJson, type JsonValue } from "../json.ts";
import type { GuestIdentity } from "../ports/wasm-capabilities.ts";
import type { GuestFailure, GuestPool, GuestReport } from "../ports/wasm-runtime.ts";
import type { CapabilityBroker } from "./capability-broker.ts";

/** One call of a guest, JSON in and JSON out. */
export interface GuestCall extends GuestIdentity {
  readonly digest: string;
  readonly export?: string | undefined;
  readonly input: JsonValue;
  readonly deadlineMs: number;
}

export type GuestRun =
  | { readonly outcome: "completed"; readonly output: JsonValue; readonly report: GuestReport }
  | { readonly outcome: "failed"; readonly failure: GuestFailure; readonly report: GuestReport };

/** Whether nothing of the call has begun, because its node was not reached. */
export function isUnreached(run: GuestRun): boolean {
  return run.outcome === "failed" && run.failure.reason === "node_unreachable";
}

/** Runs a guest with the capabilities that its instance has: for the API and for steps of sagas alike. */
export interface GuestRunner {
  run(call: GuestCall): Promise<GuestRun>;
}

export interface GuestRunnerDeps {
  readonly pool: Pick<GuestPool, "invoke">;
  readonly broker: CapabilityBroker;
}

export function createGuestRunner({ pool, broker }: GuestRunnerDeps): GuestRunner {
  return {
    run: async ({ input, ...call }) => {
      const { tenantId, instanceId } = call;
      const ended = await pool.invoke({
        ...call,
        input: Buffer.from(JSON.stringify(input)),
        onCall: (asked, signal) => broker.call({ tenantId, instanceId }, asked, signal),
      });
      if (ended.outcome === "failed") return ended;
      const { report } = ended;
      const output = parsed(ended.output);
      if (output !== undefined) return { outcome: "completed", output, report };
      const failure: GuestFailure = { reason: "output_invalid", message: "What the guest gave is not JSON." };
      return { outcome: "failed", failure, report };
    },
  };
}

/** The JSON of a guest's output, null for none at all; undefined when it is not JSON in UTF-8. */
function parsed(output: Uint8Array): JsonValue | undefined {
  if (output.length === 0) return null;
  try {
    return toJson(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(output)));
  } catch {
    return undefined;
  }
}
