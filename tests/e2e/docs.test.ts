import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Validator } from "@seriousme/openapi-schema-validator";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { intents } from "../../functions/catalog.ts";
import { type Client, connect, expectStatus, send } from "./client.ts";
import { readOperations } from "./operations.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";
import { upload } from "./sample-files.ts";

/** Section 1 of the specification, as far as it is built, with the intents' own routes and dev mode's token. */
const ENDPOINTS = [
  "DELETE /wasm/instances/{instance_id}",
  "DELETE /wasm/instances/{instance_id}/capabilities/{capability_id}",
  "GET /artifacts/{artifact_id}",
  "GET /artifacts/{artifact_id}/payload",
  "GET /artifacts/{artifact_id}/visual/{name}",
  "GET /catalog",
  "GET /execution/{execution_id}/events",
  "GET /execution/{execution_id}/status",
  "GET /executions",
  "GET /health",
  "GET /health/ready",
  "GET /journey/{trace_id}",
  "GET /session/{session_id}",
  "GET /wal",
  "GET /wal/verify",
  "GET /wasm/instances",
  "GET /wasm/instances/{instance_id}",
  "GET /wasm/instances/{instance_id}/events",
  "PATCH /session/{session_id}",
  "PATCH /session/{session_id}/close",
  "PATCH /session/{session_id}/upgrade",
  "POST /artifact/list",
  "POST /artifact/resolve",
  "POST /dev/token",
  "POST /execution/{execution_id}/cancel",
  "POST /execution/{execution_id}/fork",
  "POST /execution/{execution_id}/retry",
  "POST /execution/{execution_id}/signal/{name}",
  "POST /files/upload-url",
  "POST /intent/pending/create",
  "POST /intent/pending/list",
  "POST /intent/pending/{id}/cancel",
  "POST /intent/pending/{id}/submit",
  "POST /intent/submit",
  "POST /session/create",
  "POST /wasm/instances",
  "POST /wasm/instances/{instance_id}/capabilities",
  "POST /wasm/instances/{instance_id}/invoke",
  "POST /wasm/instances/{instance_id}/stop",
  ...intents.map(({ realm, name }) => `POST /${realm}/${name}`),
].toSorted();

const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;

beforeAll(async () => {
  runtime = await runtimes.start();
  client = await connect(runtime.url);
});

describe("/openapi.json", () => {
  it("is a valid OpenAPI 3.1 document", async () => {
    const answer = await send(runtime.url, { path: "/openapi.json" });
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    const document = answer.as(z.looseObject({ openapi: z.string() }));
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    const validator = new Validator();
    expect(await validator.validate(document)).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
  });

  it("lists exactly the endpoints of the specification that exist", async () => {
    const names = (await readOperations(runtime.url)).map(({ name }) => name);
    expect(names.toSorted()).toEqual(ENDPOINTS);
  });

  it("lists only what is served, and says of each path parameter what its path says", async () => {
    for (const { method, path, pathParameters } of await readOperations(runtime.url)) {
      const answer = await client.call({
        method,
        path: path.replace(/\{\w+\}/g, "none"),
        ...(method === "GET" ? {} : { body: {} }),
      });
      expect(answer.text, `${method} ${path}`).not.toContain("request.no_such_endpoint");
      expect(pathParameters).toEqual([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]));
    }
  });
});

describe("/docs", () => {
  it("is a page that shows every endpoint and every intent with its plan, and runs no script", async () => {
    const page = await send(runtime.url, { path: "/docs" });
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    for (const endpoint of ENDPOINTS) expect(page.text).toContain(endpoint.split(" ")[1]);
    const catalog = (await client.get("/catalog")).as(
      z.object({
        intents: z.array(
          z.looseObject({ type: z.string(), plan: z.object({ nodes: z.array(z.looseObject({ name: z.string() })) }) }),
        ),
      }),
    );
    expect(catalog.intents.map(({ type }) => type).toSorted()).toEqual(intents.map(({ type }) => type).toSorted());
    for (const { type, plan } of catalog.intents) {
      expect(page.text).toContain(type);
      for (const { name } of plan.nodes) expect(page.text).toContain(`<span class="step">${name}`);
    }
    expect(page.text).not.toMatch(/<script/i);
    expect(page.text, "nothing of the page comes from elsewhere").not.toMatch(/(?:src|href)="https?:/);
    expect((await send(runtime.url, { path: "/" })).headers.get("location")).toBe("/docs");
  });
});

describe("health", () => {
  it("says that it lives", async () => {
    const answer = await send(runtime.url, { path: "/health" });
    expect(answer.status).toBe(200);
    expect(answer.as(z.unknown())).toMatchObject({
      status: "healthy",
      service: "symphainy-runtime",
      version: expect.any(String) as unknown,
    });
  });

  it("is not ready while the object store cannot be used, naming it, and gets ready again by itself", async () => {
    const ready = () => send(runtime.url, { path: "/health/ready" });
    expect((await ready()).text).toBe('{"status":"ready"}');
    const objects = join(runtime.dataDir, "objects");
    await mkdir(objects, { recursive: true });
    await rename(objects, `${objects}-away`);
    await writeFile(objects, "a file where the folder was");

    const sick = await ready();
    expect(sick.status).toBe(503);
    expect(sick.headers.get("retry-after")).toBe("1");
    expect(sick.as(z.looseObject({ failing: z.array(z.looseObject({ dependency: z.string() })) }))).toMatchObject({
      status: "not_ready",
      failing: [{ dependency: "object_store" }],
    });
    expect(sick.text).not.toContain(runtime.dataDir);
    expect((await send(runtime.url, { path: "/health" })).status, "it lives all the same").toBe(200);

    await rename(objects, `${objects}-file`);
    await rename(`${objects}-away`, objects);
    expect((await ready()).text).toBe('{"status":"ready"}');
  });

  it("keeps work that needs the missing store waiting, pretends nothing, and goes on when it is back", async () => {
    const broken = await runtimes.start();
    const caller = await connect(broken.url);
    const folder = join(broken.dataDir, "objects");
    await writeFile(folder, "a file where the folder was");
    const body = { session_id: caller.sessionId, parameters: upload("a.csv", "a\n1\n") };
    const answer = await caller.post("/content/ingest_file", body, { prefer: "wait=2" });
    expectStatus(answer, 202);
    expect(answer.text).not.toContain(broken.dataDir);
    const { execution_id } = answer.as(z.object({ execution_id: z.string() }));
    const waiting = await caller.execution(execution_id);
    expect(waiting.steps.at(-1)).toMatchObject({ attempt: 1, error: { code: "object_store.unavailable" } });
    await rm(folder);
    expect((await caller.ended(execution_id)).status).toBe("completed");
  });
});
