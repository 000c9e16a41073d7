import { describe, expect, it } from "vitest";
import * as z from "zod";

import { clientOn, ProblemError } from "../../../shared/client/client.ts";
import { readRetryAfter } from "../../../shared/client/problem-error.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { type Answerer, json, lost, problem, scriptedHost } from "./scripted-host.ts";

type Greet = IntentDefinition<{ name: string }, { greeting: string }, { type: "test.greet"; input: { name: string } }>;
const greet = { type: "test.greet" } as const satisfies { readonly type: Greet["type"] };
const accepted = { execution_id: "execution_1", intent_id: "i", saga_id: "s", status: "running", created_at: "" };

function open(answers: readonly Answerer[]) {
  const scripted = scriptedHost(answers);
  const client = clientOn(scripted.host, { baseUrl: "http://runtime/base/", token: "the-token" });
  const session = client.session("acme", { sessionId: "session_1" });
  return { ...scripted, client, session, submit: () => session.submit<Greet>(greet, { name: "Ada" }) };
}

describe("a submission", () => {
  it("is sent with the token, below the base URL, under a key of its own", async () => {
    const { sent, submit } = open([json(accepted, 202)]);
    await submit();
    await submit();
    expect(sent[0]).toMatchObject({
      method: "POST",
      path: "/base/intent/submit",
      body: { intent_type: "test.greet", tenant_id: "acme", session_id: "session_1", parameters: { name: "Ada" } },
    });
    expect(sent[0]?.headers.get("authorization")).toBe("Bearer the-token");
    expect(sent.map(({ headers }) => headers.get("idempotency-key"))).toEqual(["uuid-1", "uuid-2"]);
  });

  it.each([
    ["a lost connection", lost()],
    ["an unavailable runtime", problem(503, "store.unavailable")],
    ["a limit", problem(429, "policy.rate")],
    ["a proxy without a runtime behind it", () => new Response("<html>", { status: 502 })],
    [
      "an answer that breaks off",
      () => new Response(new ReadableStream({ start: (body) => body.error(new Error("reset")) })),
    ],
  ])("is sent again under the same key after %s (T2)", async (_, failure) => {
    const { sent, submit } = open([failure, failure, json(accepted, 202)]);
    expect((await submit()).executionId).toBe("execution_1");
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map(({ headers }) => headers.get("idempotency-key")))).toEqual(new Set(["uuid-1"]));
  });

  it.each([
    [
      "is at fault",
      problem(422, "request.invalid", {}, { errors: [{ path: "parameters.name", message: "too short" }] }),
    ],
    ["is in conflict", problem(409, "execution.wrong_status")],
    ["met an error inside", problem(500, "internal")],
    ["failed as an execution that may be retried", problem(503, "mail.away", {}, { details: { execution_id: "e" } })],
  ])("is not sent again when it %s", async (_, failure) => {
    const { sent, submit } = open([failure]);
    await expect(submit()).rejects.toBeInstanceOf(ProblemError);
    expect(sent).toHaveLength(1);
  });

  it("waits as long as the runtime asks, and longer each time when it does not (T3)", async () => {
    const asked = open([problem(429, "policy.rate", { "retry-after": "7" }), json(accepted, 202)]);
    await asked.submit();
    expect(asked.gapsMs()).toEqual([7_100]);
    const unasked = open([problem(503, "away"), problem(503, "away"), problem(503, "away"), json(accepted, 202)]);
    await unasked.submit();
    expect(unasked.gapsMs()).toEqual([100, 200, 400]);
  });

  it("gives up after eight calls, in about ten seconds, and at once when it is to wait for more than a minute", async () => {
    const away = open([problem(503, "store.unavailable")]);
    await expect(away.submit()).rejects.toMatchObject({ code: "store.unavailable", status: 503, retryable: true });
    expect(away.sent).toHaveLength(8);
    expect(away.gapsMs().reduce((sum, gap) => sum + gap, 0)).toBe(11_300);
    const later = open([problem(429, "policy.quota", { "retry-after": "3600" })]);
    await expect(later.submit()).rejects.toMatchObject({ code: "policy.quota", retryAfterMs: 3_600_000 });
    expect(later.sent).toHaveLength(1);
  });

  it("stops trying when the caller's signal aborts, with its reason", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const { sent, session } = open([
      () => {
        controller.abort(reason);
        throw new TypeError("fetch failed");
      },
    ]);
    const { signal } = controller;
    await expect(session.submit<Greet>(greet, { name: "Ada" }, { signal })).rejects.toBe(reason);
    expect(sent).toHaveLength(1);
  });
});

describe("run", () => {
  it("is one request when the execution ends soon, held by the runtime for as long as the caller waits", async () => {
    const { sent, session } = open([
      json({ execution_id: "execution_1", status: "completed", output: { greeting: "Hello" } }),
    ]);
    expect(await session.run<Greet>(greet, { name: "Ada" }, { timeoutMs: 9_500 })).toEqual({ greeting: "Hello" });
    expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /base/test/greet"]);
    expect(sent[0]?.headers.get("prefer")).toBe("wait=9");
    await session.run<Greet>(greet, { name: "Ada" });
    expect(sent[1]?.headers.get("prefer")).toBe("wait=30");
  });

  it("looks after an execution that takes longer", async () => {
    const { sent, session } = open([
      json(accepted, 202),
      json({ ...accepted, status: "running" }),
      json({ ...accepted, status: "completed", output: { greeting: "Hello" } }),
    ]);
    expect(await session.run<Greet>(greet, { name: "Ada" })).toEqual({ greeting: "Hello" });
    expect(sent[2]?.path).toBe("/base/execution/execution_1/status?tenant_id=acme");
  });
});

it("never repeats what carries no key: cancelling, creating a pending intent (T1)", async () => {
  const { client, sent } = open([problem(503, "store.unavailable")]);
  const tenant = client.tenant("acme");
  const handle = tenant.execution("execution_1");
  const calls = [
    () => handle.cancel(),
    () => tenant.pendingIntents.create({ intent: "test.greet", targetArtifactId: "file_1" }),
    () => tenant.pendingIntents.cancel("intent_1"),
  ];
  for (const [index, call] of calls.entries()) {
    await expect(call()).rejects.toMatchObject({ code: "store.unavailable" });
    expect(sent).toHaveLength(index + 1);
  }
});

it.each(["retry", "fork"] as const)("repeats a %s whose answer was lost under the same key (T2)", async (how) => {
  const { client, sent } = open([lost(), json({ ...accepted, execution_id: "execution_2" }, 202)]);
  const handle = client.tenant("acme").execution("execution_1");
  const options = { sessionId: "session_2" };
  const again = how === "retry" ? handle.retry(options) : handle.fork("step", options);
  expect((await again).executionId).toBe("execution_2");
  const keys = sent.map(({ headers }) => headers.get("idempotency-key"));
  expect(keys).toEqual([expect.stringMatching(/./), keys[0]]);
  expect(sent[1]?.body).toMatchObject({ tenant_id: "acme", session_id: "session_2" });
});

it("repeats the taking up of a pending intent whose answer was lost under the same key (T2)", async () => {
  const { client, sent } = open([lost(), json(accepted, 202)]);
  const taken = await client.tenant("acme").pendingIntents.submit("intent_1", { sessionId: "session_1" });
  expect(taken.executionId).toBe("execution_1");
  const keys = sent.map(({ headers }) => headers.get("idempotency-key"));
  expect(keys).toEqual([expect.stringMatching(/./), keys[0]]);
});

it("repeats a signal as the same signal", async () => {
  const { client, sent } = open([lost(), json(accepted, 202)]);
  await client.tenant("acme").execution("execution_1").signal("approval", { ok: true });
  const ids = sent.map(({ body }) => z.looseObject({ signal_id: z.string() }).parse(body).signal_id);
  expect(ids).toEqual(["uuid-1", "uuid-1"]);
});

it("makes one session for all who come at once, and another try after a failure", async () => {
  const created = { session_id: "session_9" };
  const { host, sent } = scriptedHost([problem(422, "request.invalid"), json(created, 201), json(accepted, 202)]);
  const session = clientOn(host, { baseUrl: "http://runtime", token: () => Promise.resolve("fresh") }).session("acme");
  const both = await Promise.allSettled([session.id(), session.id()]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await Promise.all([session.id(), session.id()])).toEqual(["session_9", "session_9"]);
  expect(sent.map(({ path }) => path)).toEqual(["/session/create", "/session/create"]);
  expect(sent[0]?.headers.get("authorization")).toBe("Bearer fresh");
});

it("tells a problem in all its parts, and what is none by a code of its own", async () => {
  const errors = [{ path: "parameters.name", message: "too short" }];
  const faulty = open([problem(422, "request.invalid", {}, { errors, details: { limit: 1 } })]);
  const fault = await faulty.submit().catch((error: unknown) => error);
  expect(fault).toMatchObject({
    code: "request.invalid",
    status: 422,
    errors,
    details: { limit: 1 },
    traceId: "trace_1",
  });
  const strange = open([() => new Response("<html>", { status: 404 })]);
  await expect(strange.submit()).rejects.toMatchObject({ code: "client.not_a_runtime", status: 404, retryable: false });
  const page = open([() => new Response("<html>")]);
  await expect(page.submit()).rejects.toMatchObject({ code: "client.not_a_runtime" });
  const nobody = open([lost()]);
  await expect(nobody.submit()).rejects.toMatchObject({ code: "client.unreachable", retryable: true });
});

it("reads Retry-After in seconds, as a date, and not at all", () => {
  const nowMs = Date.parse("2026-01-01T00:00:00Z");
  expect(readRetryAfter("3", nowMs)).toBe(3_000);
  expect(readRetryAfter("Thu, 01 Jan 2026 00:00:05 GMT", nowMs)).toBe(5_000);
  expect(readRetryAfter("Wed, 31 Dec 2025 00:00:00 GMT", nowMs)).toBe(0);
  expect(readRetryAfter("soon", nowMs)).toBeUndefined();
  expect(readRetryAfter(null, nowMs)).toBeUndefined();
});

describe("waiting for an execution", () => {
  const running = json({ ...accepted, status: "running" });
  const completed = json({ ...accepted, status: "completed", output: { greeting: "Hello" } });
  const waiting = (answers: readonly Answerer[]) => {
    const scripted = open(answers);
    return {
      ...scripted,
      handle: scripted.client
        .tenant("acme")
        .execution("execution_1", greet as { type: "test.greet"; definition?: Greet }),
    };
  };

  it("looks at once, and then each time a quarter of the time later, two seconds at most", async () => {
    const { handle, gapsMs } = waiting([...Array.from({ length: 40 }, () => running), completed]);
    expect(await handle.result()).toEqual({ greeting: "Hello" });
    expect(gapsMs()[0]).toBe(20);
    expect(gapsMs().at(-1)).toBe(2_000);
    for (const [index, gap] of gapsMs().entries()) {
      const waitedMs = gapsMs()
        .slice(0, index)
        .reduce((sum, each) => sum + each, 0);
      expect(gap).toBeCloseTo(Math.min(2_000, Math.max(20, waitedMs / 4)), 2);
    }
  });

  it("rides out an outage of half a minute, and not one that does not end", async () => {
    const short = waiting([running, ...Array.from({ length: 16 }, () => lost()), completed]);
    expect((await short.handle.wait()).status).toBe("completed");
    const long = waiting([running, lost()]);
    await expect(long.handle.wait()).rejects.toMatchObject({ code: "client.unreachable" });
    expect(long.gapsMs().reduce((sum, gap) => sum + gap, 0)).toBeGreaterThan(60_000);
    const wrong = waiting([running, problem(404, "execution.not_found")]);
    await expect(wrong.handle.wait()).rejects.toMatchObject({ code: "execution.not_found" });
    expect(wrong.sent).toHaveLength(2);
  });

  it("ends at its time, also in an outage, and tells a dead execution from one that goes on", async () => {
    const slow = waiting([running]);
    await expect(slow.handle.wait({ timeoutMs: 10_000 })).rejects.toMatchObject({ code: "client.timeout" });
    expect(slow.gapsMs().reduce((sum, gap) => sum + gap, 0)).toBe(10_000);
    const away = waiting([running, lost()]);
    await expect(away.handle.wait({ timeoutMs: 10_000 })).rejects.toMatchObject({ code: "client.timeout" });
    const silent = waiting([
      (_, signal) =>
        new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error))),
    ]);
    await expect(silent.handle.wait({ timeoutMs: 40_000 })).rejects.toMatchObject({ code: "client.timeout" });
    expect(silent.sent.length).toBeGreaterThan(1);
    const dead = waiting([
      running,
      json({
        ...accepted,
        status: "dead",
        error: { code: "undo.failed", message: "x", status: 500, retryable: false },
      }),
    ]);
    await expect(dead.handle.result()).rejects.toMatchObject({ code: "undo.failed", details: { status: "dead" } });
  });
});
