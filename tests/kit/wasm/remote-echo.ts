import { systemClock } from "../../../infra/adapters/system/system.ts";
import { openRemotePool } from "../../../infra/adapters/wasm-runner/remote-pool.ts";
import { asId } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";
import { createLogger } from "../../../shared/logger.ts";
import { acme, outputOf } from "./guest-scene.ts";
import { ECHO, reactor } from "./wat.ts";

/** What a guest gives back that a runner runs, which gets its module on the way; the guest gives back what it is given. */
export async function echoedBy(url: string, input: string): Promise<string> {
  const module = await reactor(ECHO);
  const pool = openRemotePool({
    url,
    modules: { read: () => Promise.resolve(module) },
    token: () => Promise.resolve(undefined),
    logger: createLogger({ clock: systemClock, level: "error", write: () => undefined }),
  });
  const outcome = await pool.invoke({
    tenantId: acme,
    instanceId: asId.instance("instance_1"),
    digest: sha256(module),
    input: Buffer.from(input),
    deadlineMs: 20_000,
    onCall: () => Promise.reject(new Error("It asks nothing.")),
  });
  await pool.close();
  return outputOf(outcome);
}
