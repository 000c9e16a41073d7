import { openGuestPool } from "../../../infra/adapters/wasm/guest-pool.ts";
import { asId, type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import type { JsonValue } from "../../../shared/json.ts";
import type { CapabilityReply } from "../../../shared/ports/wasm-capabilities.ts";
import type { GuestInvocation, GuestOutcome, GuestPool, ModuleSource } from "../../../shared/ports/wasm-runtime.ts";
import { openRemoteScene } from "./remote-scene.ts";

export const acme = trustedTenantId("acme");
export const rival = trustedTenantId("rival");

const NO_CAPABILITY: CapabilityReply = {
  outcome: "error",
  errorCode: "CAPABILITY_NOT_FOUND",
  message: "There is none.",
};

export interface GuestScene extends AsyncDisposable {
  readonly pool: GuestPool;
  readonly modules: ModuleSource;
  /** Admits and keeps a module; returns its digest. */
  deploy(module: Uint8Array, tenantId?: TenantId): Promise<string>;
  /** Invokes with JSON, as acme's `instance_1` with no capability and a deadline of ten seconds. */
  invoke(digest: string, input?: JsonValue, more?: Partial<GuestInvocation>): Promise<GuestOutcome>;
}

/** Where the pool is: in this process, or behind the runner's server. */
export type PoolPlace = "local" | "remote";

/** The real pool over a few modules in memory. */
export async function openGuestScene(threads = 4, place: PoolPlace = "local"): Promise<GuestScene> {
  const kept = new Map<string, Uint8Array>();
  const modules: ModuleSource = { read: (tenantId, digest) => Promise.resolve(kept.get(`${tenantId}/${digest}`)) };
  const pool =
    place === "local" ? await openGuestPool({ modules, threads }) : await openRemoteScene({ modules, threads });
  return {
    pool,
    modules,
    deploy: async (module, tenantId = acme) => {
      const admission = await pool.admit(tenantId, module);
      if (admission.outcome === "refused") throw new Error(`${admission.refusal.reason}: ${admission.refusal.message}`);
      kept.set(`${tenantId}/${admission.module.digest}`, module);
      return admission.module.digest;
    },
    invoke: (digest, input = null, more = {}) =>
      pool.invoke({
        tenantId: acme,
        instanceId: asId.instance("instance_1"),
        digest,
        input: Buffer.from(JSON.stringify(input)),
        deadlineMs: 10_000,
        onCall: () => Promise.resolve(NO_CAPABILITY),
        ...more,
      }),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/** The text that a call gave; throws with the failure when it failed. */
export function outputOf(outcome: GuestOutcome): string {
  if (outcome.outcome === "returned") return Buffer.from(outcome.output).toString();
  throw new Error(`${outcome.failure.reason}: ${outcome.failure.message}`);
}

/** Why a call failed; `returned` when it did not. */
export function reasonOf(outcome: GuestOutcome): string {
  return outcome.outcome === "failed" ? outcome.failure.reason : "returned";
}
