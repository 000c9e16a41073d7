import { beforeAll, describe, expect, it } from "vitest";

import { ingestFile } from "../../functions/content/ingest-file.ts";
import { createIntentApp } from "../../shared/http/function-app.ts";
import { type Client, connect, expectProblem, expectStatus, send } from "../e2e/client.ts";
import { type Operation, readOperations, requestFor } from "../e2e/operations.ts";
import { type RuntimeProcess, runtimeProcesses } from "../e2e/runtime-process.ts";
import { upload } from "../e2e/sample-files.ts";
import { openRuntime } from "../kit/runtime.ts";
import { fetchApp } from "../kit/fetch-app.ts";

const APP = "https://app.example";
const STRANGER = "https://app.example.evil.example";

const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;
let operations: readonly Operation[];

beforeAll(async () => {
  const env = { CORS_ORIGINS: `http://localhost:3000,${APP}`, RATE_INTENTS_PER_CALLER: "100/60s" };
  runtime = await runtimes.start({ env });
  client = await connect(runtime.url);
  operations = await readOperations(runtime.url);
});

const preflight = (url: string, path: string, origin: string, method = "POST") =>
  send(url, {
    method: "OPTIONS",
    path,
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization,content-type,idempotency-key",
    },
  });
const listed = (headers: Headers, name: string): readonly string[] => (headers.get(name) ?? "").split(/, ?/);
const ofCors = (headers: Headers): readonly string[] =>
  [...headers.keys()].filter((name) => name.startsWith("access-control-"));

describe("a preflight", () => {
  it("is answered for every endpoint without a token (C1)", async () => {
    for (const { method, path } of operations) {
      const { status, headers } = await preflight(runtime.url, path, APP, method.toUpperCase());
      expect([path, status, headers.get("access-control-allow-origin")]).toEqual([path, 204, APP]);
      expect(listed(headers, "access-control-allow-methods")).toContain(method.toUpperCase());
      expect(listed(headers, "access-control-allow-headers")).toEqual(
        expect.arrayContaining(["authorization", "content-type", "idempotency-key", "last-event-id", "prefer"]),
      );
      expect(headers.get("vary")).toMatch(/\borigin\b/i);
    }
  });

  it.each([STRANGER, "null", "http://app.example", "https://app.example:8443", "https://APP.example", "*"])(
    "from %s is refused, and says nothing to its browser",
    async (origin) => {
      const answer = await preflight(runtime.url, "/intent/submit", origin);
      expectProblem(answer, 403, "cors.origin_not_listed");
      expect(ofCors(answer.headers)).toEqual([]);
      expect(answer.headers.get("vary")).toMatch(/\borigin\b/i);
    },
  );
});

describe("an answer to a page", () => {
  it("names its origin, allows no credentials, and shows what the client reads, whatever its status (C2)", async () => {
    for (const operation of operations) {
      const request = requestFor(operation, { tenant_id: "acme" });
      for (const answer of [
        await send(runtime.url, { ...request, headers: { origin: APP } }),
        await client.call({ ...request, headers: { origin: APP } }),
      ]) {
        const { headers } = answer;
        expect([operation.name, headers.get("access-control-allow-origin")]).toEqual([operation.name, APP]);
        expect(headers.get("access-control-allow-credentials")).toBeNull();
        expect(headers.get("vary")).toMatch(/\borigin\b/i);
        expect(listed(headers, "access-control-expose-headers")).toEqual(
          expect.arrayContaining(["location", "traceparent", "ratelimit", "ratelimit-policy", "retry-after"]),
        );
      }
    }
  });

  it("of an origin that is not listed names none, and varies all the same (C3)", async () => {
    for (const headers of [{ origin: STRANGER }, {}]) {
      const answer = await client.call({ path: "/catalog", headers });
      expectStatus(answer, 200);
      expect(ofCors(answer.headers)).toEqual([]);
      expect(answer.headers.get("vary")).toMatch(/\borigin\b/i);
    }
  });

  it("has the headers that it is allowed to read", async () => {
    const body = {
      session_id: client.sessionId,
      intent_type: "content.ingest_file",
      parameters: upload("a.csv", "a\n1\n"),
    };
    const { status, headers } = await client.post("/intent/submit", body, { origin: APP });
    expect(status).toBe(202);
    for (const name of ["location", "traceparent", "ratelimit", "ratelimit-policy"]) {
      expect([name, headers.get(name)]).toEqual([name, expect.stringMatching(/./)]);
      expect(listed(headers, "access-control-expose-headers")).toContain(name);
    }
  });
});

it("no page of another origin may call unless the configuration lists it", async () => {
  const plain = await runtimes.start();
  const refused = await preflight(plain.url, "/intent/submit", APP);
  expectProblem(refused, 405, "request.method_not_allowed");
  const answer = await send(plain.url, { path: "/health", headers: { origin: APP } });
  expect([ofCors(refused.headers), ofCors(answer.headers), answer.headers.get("vary")]).toEqual([[], [], null]);
});

it("the function of a single intent answers preflights too, at its root and by its route", async () => {
  await using own = await openRuntime({ intents: [ingestFile], config: { corsOrigins: [APP] } });
  const app = createIntentApp(own.services, ingestFile);
  for (const path of ["/", "/content/ingest_file"]) {
    const headers = { origin: APP, "access-control-request-method": "POST" };
    const answer = await fetchApp(app, new Request(`http://function.example${path}`, { method: "OPTIONS", headers }));
    expect([path, answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([path, 204, APP]);
  }
});
