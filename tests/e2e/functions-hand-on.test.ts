import { join } from "node:path";
import { performance } from "node:perf_hooks";

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { bundleFunctions } from "../../infra/build/bundle.ts";

import { sharedPubsub, withParts } from "../kit/parts.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { type Client, connect, expectStatus, send, shapes } from "./client.ts";
import { type DeployedProcess, type Deployment, openDeployment } from "./deployment.ts";
import { functionsOf } from "./fixture-functions.ts";

const SLOW = "test.slow";
const STEP_MS = 700;

const SPECS = functionsOf("slow", SLOW);

withParts(["pubsub"], () => {
  describe("an intent that takes longer than its request", () => {
    let on: Deployment;
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let copies: readonly [DeployedProcess, DeployedProcess];
    let client: Client;

    beforeAll(async () => {
      folder = await temporaryFolder();
      on = await openDeployment(folder.path, await sharedPubsub(), { GRACE_PERIOD_MS: "5000" }, SPECS);
      const api = await on.start("slow_api");
      copies = [await on.start("slow"), await on.start("slow")];
      await on.pushTo(SLOW, copies[1]);
      client = await connect(api.url);
    });
    afterAll(async () => {
      await on[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });

    const ask = (prefer: string) =>
      send(copies[0].url, {
        method: "POST",
        path: "/test/slow",
        body: { tenant_id: client.tenantId, session_id: client.sessionId, parameters: { step_ms: STEP_MS } },
        headers: { authorization: `Bearer ${client.token}`, prefer },
      });
    const processesOf = (output: unknown) => z.object({ processes: z.array(z.int()) }).parse(output).processes;

    it("ends the step that it is in, answers 202, and goes on in the next instance that hears of it", async () => {
      const startMs = performance.now();
      const answer = await ask("respond-async");
      expectStatus(answer, 202);
      expect(performance.now() - startMs, "not longer than one step").toBeLessThan(2 * STEP_MS);
      const ended = await client.ended(answer.as(shapes.accepted).execution_id);
      expect(ended.status).toBe("completed");
      const [first, second, third] = processesOf(ended.output);
      expect([second, third]).toEqual([copies[1].pid, copies[1].pid]);
      expect([copies[0].pid, copies[1].pid]).toContain(first);
      expect(ended.steps.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    });

    it("stays within one request where the caller waits for it", async () => {
      const answer = await ask("wait=10");
      expectStatus(answer, 200);
      const { pid } = copies[0];
      expect(processesOf(answer.as(shapes.outcome).output)).toEqual([pid, pid, pid]);
    });

    it("is handed over by an instance that is told to stop, which ends its step and answers before it goes", async () => {
      const asking = ask("wait=10");
      await expect
        .poll(async () => (await client.get("/executions", { status: "running" })).as(shapes.executions).executions)
        .toHaveLength(1);
      const stopping = copies[0].stop();
      const answer = await asking;
      expect([200, 202]).toContain(answer.status);
      await stopping;
      const ended = await client.ended(answer.as(z.looseObject({ execution_id: z.string() })).execution_id);
      expect(ended.status).toBe("completed");
      expect(new Set(processesOf(ended.output))).toEqual(new Set([copies[0].pid, copies[1].pid]));
      expect(copies[0].lines.some((line) => line.includes('"stopped"'))).toBe(true);
    });
  });
});

describe("the bundles", () => {
  it("load no client of a service: that is loaded once it is chosen", async () => {
    await using folder = await temporaryFolder();
    const bundles = await bundleFunctions(join(folder.path, "dist"));
    expect(bundles.length).toBeGreaterThanOrEqual(6);
    for (const { spec: of, loadPackages, totalBytes } of bundles) {
      expect(loadPackages).toContain("zod");
      for (const client of loadPackages) {
        expect(`${of.name}: ${client}`).not.toMatch(
          /google|grpc|ioredis|upstash|jose|protobuf|gaxios|functions-framework/,
        );
      }
      expect(totalBytes, "the clients are in it all the same").toBeGreaterThan(2 * 1024 * 1024);
    }
  });
});
