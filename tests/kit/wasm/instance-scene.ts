import { DEFAULT_RESTART_POLICY } from "../../../shared/wasm/instance.ts";
import type { CapabilityGrant } from "../../../shared/wasm/capability-grant.ts";
import type { InstanceFact } from "../../../shared/wasm/instance-facts.ts";
import type { InstanceRecord } from "../../../shared/wasm/instance-record.ts";
import { asId, type InstanceId, type TenantId } from "../../../shared/ids.ts";
import type { JsonValue } from "../../../shared/json.ts";
import type { RuntimeServices } from "../../../shared/services.ts";
import type { RestartPolicy } from "../../../shared/wasm/instance.ts";
import { type TestRuntime, testIds } from "../runtime.ts";
import { FORWARDER, reactor, type ReactorText } from "./wat.ts";

/** Traps when its input begins with the digit 1, and else passes it on as a capability call. */
export const MOODY: ReactorText = {
  ...FORWARDER,
  more: `${FORWARDER.more ?? ""}
    (func $trap_on_one (param $at i32)
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 49)) (then unreachable)))`,
  invoke: FORWARDER.invoke.replace("(local.set $status", "(call $trap_on_one (local.get $at)) (local.set $status"),
};

export interface InstanceScene {
  start(options?: {
    readonly restartPolicy?: RestartPolicy;
    readonly capabilities?: readonly CapabilityGrant[];
    readonly tenantId?: TenantId;
    readonly idempotencyKey?: string;
  }): Promise<InstanceRecord>;
  invoke(instanceId: InstanceId, input: JsonValue, tenantId?: TenantId): Promise<JsonValue>;
  /** The code of the error that it ends with. */
  codeOf(work: Promise<unknown>): Promise<string>;
  facts(instanceId: InstanceId, tenantId?: TenantId): Promise<readonly InstanceFact[]>;
}

/** Instances of the moody module over a runtime's services: `1` traps, a capability call is made, anything else is refused by the host. */
export async function openInstanceScene({ services, tenantId: own }: TestRuntime): Promise<InstanceScene> {
  const module = await reactor(MOODY);
  const { instances }: RuntimeServices = services;
  return {
    start: ({ restartPolicy = DEFAULT_RESTART_POLICY, capabilities = [], tenantId = own, idempotencyKey } = {}) =>
      instances.create({
        tenantId,
        module,
        restartPolicy,
        capabilities,
        idempotencyKey,
        traceId: testIds.trace(),
      }),
    invoke: async (instanceId, input, tenantId = own) => {
      const call = { tenantId, instanceId, export: undefined, input, deadlineMs: 10_000, traceId: testIds.trace() };
      return (await instances.invoke(call)).output;
    },
    codeOf: (work) =>
      work.then(
        () => "done",
        (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
      ),
    facts: async (instanceId, tenantId = own) =>
      (await instances.facts(tenantId, asId.instance(instanceId), { limit: 1_000 })).items,
  };
}
