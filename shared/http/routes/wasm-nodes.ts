import { RuntimeError } from "../../errors.ts";
import type { PushVerifier } from "../../ports/token-verifier.ts";
import type { Adapters } from "../../services.ts";
import { heartbeatMessage, NODES_PATH } from "../../wasm/heartbeat-message.ts";
import type { RegisteredNodes } from "../../wasm/registered-nodes.ts";
import { checked } from "../checked-input.ts";
import type { Router } from "../router.ts";
import { jsonAnswer } from "../http-answer.ts";
import { parseJson } from "../json-body.ts";
import { bearerToken } from "../principal.ts";
import { isLoopback, LOOPBACK_HOSTS } from "../../loopback.ts";

const MAX_BYTES = 16 * 1024;

/**
 * Takes the heartbeats of runners, which are no tenant's: a runner proves by Google's token which service account it is. In dev mode,
 * which listens on loopback only, any process of this machine may be one, at an address of this machine.
 */
export function addWasmNodeRoute(
  router: Router,
  nodes: Pick<RegisteredNodes, "heartbeat">,
  { devTokens, nodeTokens }: Pick<Adapters, "devTokens" | "nodeTokens">,
): void {
  router.route("POST", NODES_PATH, async ({ request }) => {
    if (devTokens === undefined) await proveNode(request.header("authorization"), nodeTokens);
    const told = checked(parseJson(await request.bytes(MAX_BYTES)), heartbeatMessage);
    if (devTokens !== undefined && !isLoopback(new URL(told.url).hostname))
      throw new RuntimeError("request.invalid", "In dev mode a node is on this machine.", {
        status: 422,
        faults: [{ path: "url", message: `must be on ${LOOPBACK_HOSTS.join(", ")}` }],
      });
    await nodes.heartbeat({
      nodeId: told.node_id,
      url: told.url,
      providers: told.provider_types,
      maxInstances: told.max_instances,
      heartbeatEveryMs: told.heartbeat_every_ms,
      state: told.state,
    });
    return jsonAnswer({ node_id: told.node_id });
  });
}

async function proveNode(authorization: string | undefined, nodeTokens: PushVerifier | undefined): Promise<void> {
  const token = bearerToken(authorization);
  if (nodeTokens !== undefined && (await nodeTokens.verify(token))) return;
  throw new RuntimeError("auth.bad_node", "This is no runner of this runtime.", { status: 401 });
}
