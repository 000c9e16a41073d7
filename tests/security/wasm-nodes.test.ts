import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { describe, expect, it } from "vitest";

import { createServiceIdentity } from "../../infra/adapters/jwt/oidc-identity.ts";
import { createServiceTokens } from "../../infra/adapters/jwt/service-tokens.ts";
import { systemClock } from "../../infra/adapters/system/system.ts";
import { OwnRequest } from "../../shared/http/http-request.ts";
import { createRouter } from "../../shared/http/router.ts";
import { addWasmNodeRoute } from "../../shared/http/routes/wasm-nodes.ts";
import { asId } from "../../shared/ids.ts";
import { createLogger } from "../../shared/logger.ts";
import type { PushVerifier } from "../../shared/ports/token-verifier.ts";
import { openRuntime } from "../kit/runtime.ts";
import { acme, reasonOf } from "../kit/wasm/guest-scene.ts";
import { openRemoteScene } from "../kit/wasm/remote-scene.ts";
import { AUDIENCE, openIssuer } from "./issuer.ts";

const logger = createLogger({ clock: systemClock, level: "error", write: () => undefined });
const RUNNER = "runner@project.iam.gserviceaccount.com";
const HEARTBEAT = {
  node_id: "node_1",
  url: "http://10.0.0.1:8081",
  provider_types: ["kv"],
  max_instances: 10,
  heartbeat_every_ms: 10_000,
  state: "serving",
};

describe("a heartbeat in production", () => {
  it("is taken from the runners' service account alone, and not at all where none is named", async () => {
    await using issuer = await openIssuer("RS256");
    await issuer.rotate();
    await using runtime = await openRuntime();
    const taken: string[] = [];
    const beat = async (nodeTokens: PushVerifier | undefined, authorization?: string): Promise<number> => {
      const router = createRouter(runtime.services);
      const nodes = { heartbeat: ({ nodeId }: { nodeId: string }) => Promise.resolve(void taken.push(nodeId)) };
      addWasmNodeRoute(router, nodes, { devTokens: undefined, nodeTokens });
      const headers = {
        "content-type": "application/json",
        ...(authorization === undefined ? {} : { authorization: `Bearer ${authorization}` }),
      };
      const request = new OwnRequest("POST", "/wasm/nodes", { headers, body: Buffer.from(JSON.stringify(HEARTBEAT)) });
      return (await router.handle(request)).status;
    };
    const options = { issuer: issuer.url, jwksUrl: undefined, audience: AUDIENCE, serviceAccounts: [RUNNER] };
    const runners = createServiceIdentity(options, { clock: systemClock, logger });
    const own = await issuer.sign({ email: RUNNER, email_verified: true });
    const other = await issuer.sign({ email: "api@project.iam.gserviceaccount.com", email_verified: true });
    const elsewhere = await issuer.sign({ email: RUNNER, email_verified: true }, { audience: "https://other.example" });
    expect(await beat(undefined, own)).toBe(401);
    for (const bad of [undefined, "x.y.z", other, elsewhere]) expect(await beat(runners, bad)).toBe(401);
    expect(taken).toEqual([]);
    expect(await beat(runners, own)).toBe(200);
    expect(taken).toEqual(["node_1"]);
  });
});

describe("a runner that checks its callers", () => {
  const call = {
    tenantId: acme,
    instanceId: asId.instance("instance_1"),
    digest: "0".repeat(64),
    input: Buffer.from("1"),
    deadlineMs: 1_000,
    onCall: () => Promise.reject(new Error("It asks nothing.")),
  };
  const modules = { read: () => Promise.resolve(undefined) };

  it("runs nothing for those that it does not know (17)", async () => {
    const stranger = await openRemoteScene({ modules, threads: 1, expects: "right", token: "wrong" });
    expect(reasonOf(await stranger.invoke(call))).toBe("node_unreachable");
    expect(await stranger.admit(acme, new Uint8Array())).toMatchObject({ refusal: { reason: "node_lost" } });
    await stranger.close();
    const known = await openRemoteScene({ modules, threads: 1, expects: "right", token: "right" });
    expect(reasonOf(await known.invoke(call))).toBe("module_missing");
    await known.close();
  });
});

describe("the token of this process's service account", () => {
  it("comes from the metadata server, for the audience, once for its life; without it nothing is called", async () => {
    await using issuer = await openIssuer("RS256");
    await issuer.rotate();
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${String(request.headers["metadata-flavor"])} ${request.url ?? ""}`);
      void issuer.sign({ email: RUNNER }).then((token) => response.end(token));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const metadataUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const tokens = createServiceTokens({ clock: systemClock, metadataUrl });
    const [first, second] = await Promise.all([tokens("https://a.example"), tokens("https://a.example")]);
    expect(second).toBe(first);
    await tokens("https://b.example");
    const path = "/computeMetadata/v1/instance/service-accounts/default/identity";
    expect(asked).toEqual([
      `Google ${path}?audience=https%3A%2F%2Fa.example&format=full`,
      `Google ${path}?audience=https%3A%2F%2Fb.example&format=full`,
    ]);
    server.close();
    await once(server, "close");
    await expect(tokens("https://c.example")).rejects.toMatchObject({ code: "auth.no_service_token", status: 503 });
    expect(await tokens("https://a.example")).toBe(first);
  });
});
