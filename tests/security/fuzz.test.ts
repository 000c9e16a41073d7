import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { send } from "../e2e/client.ts";
import type { Known } from "../e2e/operations.ts";
import { type RuntimeProcess, runtimeProcesses } from "../e2e/runtime-process.ts";
import { furnish } from "../kit/furnished-tenant.ts";
import { type MortalRedis, startMortalRedis } from "../kit/mortal-redis.ts";
import { withParts } from "../kit/parts.ts";
import { claimsOf, startProduction } from "../kit/production.ts";
import { type Endpoint, expectDeclared, readEndpoints, requestsTo } from "./endpoint-fuzz.ts";
import { type Issuer, openIssuer } from "./issuer.ts";

/**
 * Every endpoint, by its own OpenAPI document: whatever it is sent, it answers with a declared status and as its schema says,
 * and never with 500. `FUZZ_SEED` repeats a run, `FUZZ_RUNS` lengthens it.
 */
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 40);

const runtimes = runtimeProcesses();

/** What is fuzzed, and with which tokens. */
interface Target {
  readonly runtime: RuntimeProcess;
  readonly known: Known;
  readonly endpoints: readonly Endpoint[];
  readonly tokens: fc.Arbitrary<string>;
}

async function targetOf(runtime: RuntimeProcess, token: string, others: readonly string[] = []): Promise<Target> {
  const { known } = await furnish(runtime.url, "acme", token);
  return {
    runtime,
    known: { ...known, intent_type: "content.parse_content", content_type: "text/csv", filename: "a.csv" },
    endpoints: await readEndpoints(runtime.url),
    tokens: fc.oneof({ weight: 6, arbitrary: fc.constant(token) }, ...others.map((other) => fc.constant(other))),
  };
}

/** Defines the fuzzing of what `target` gives once it is there; an endpoint gets so much time. */
function fuzz(target: () => Target, perEndpointMs: number): void {
  it(`never answers 500, and always as it declares (FUZZ_SEED=${seed})`, { timeout: 120_000 }, async () => {
    const { runtime, known, endpoints, tokens } = target();
    const taken = new Set<string>();
    for (const endpoint of endpoints) {
      let answered = 0;
      await fc.assert(
        fc.asyncProperty(requestsTo(endpoint, known), tokens, async (request, token) => {
          const answer = await send(runtime.url, {
            method: endpoint.method,
            ...request,
            headers: { ...request.headers, authorization: `Bearer ${token}`, "content-type": "application/json" },
          });
          answered += 1;
          if (answer.status < 300) taken.add(endpoint.name);
          const told = `${endpoint.name} ${JSON.stringify(request)}: ${answer.status} ${answer.text.slice(0, 500)}`;
          try {
            expectDeclared(endpoint, answer);
          } catch (cause) {
            throw new Error(told, { cause });
          }
        }),
        { seed, numRuns, plugins: [fc.interruptAfterTimeLimit(perEndpointMs)] },
      );
      expect({ endpoint: endpoint.name, answered: answered > 0 }).toEqual({ endpoint: endpoint.name, answered: true });
    }
    expect(taken.size, `only ${[...taken].join(", ")} ever took a request`).toBeGreaterThan(endpoints.length / 3);
  });

  it("has logged no unexpected error in all of this", async () => {
    const exit = await target().runtime.stop();
    expect(exit.code).toBe(0);
    expect(exit.stderr.split("\n").filter((line) => line.includes('"severity":"ERROR"'))).toEqual([]);
  });
}

describe("every endpoint, fuzzed by its own document", () => {
  let target: Target;
  beforeAll(async () => {
    const runtime = await runtimes.start();
    const issued = await send(runtime.url, { method: "POST", path: "/dev/token", body: { tenant_id: "acme" } });
    target = await targetOf(runtime, issued.as(z.object({ token: z.string() })).token);
  });
  fuzz(() => target, 3_000);
});

withParts(["redis"], () => {
  describe("every endpoint in production mode over Redis, fuzzed with tokens good and bad", () => {
    let redis: MortalRedis;
    let issuer: Issuer;
    let target: Target;
    beforeAll(async () => {
      [redis, issuer] = await Promise.all([startMortalRedis(), openIssuer()]);
      const runtime = await startProduction(runtimes, issuer, { STORE: "redis", REDIS_URL: redis.url });
      const operator = claimsOf("acme", ["operator"]);
      const others = await Promise.all([
        issuer.sign(claimsOf("acme", ["viewer"])),
        issuer.sign(claimsOf("acme", [])),
        issuer.sign(claimsOf("globex", ["operator"])),
        issuer.sign(operator, { expires: Math.floor(Date.now() / 1_000) - 3_600 }),
        issuer.sign(operator, { audience: "others" }),
      ]);
      target = await targetOf(runtime, await issuer.sign(operator), [...others, "x.y.z"]);
    });
    afterAll(async () => {
      await issuer[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    });
    fuzz(() => target, 400);
  });
});
