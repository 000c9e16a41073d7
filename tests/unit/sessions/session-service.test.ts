import { describe, expect, it } from "vitest";
import * as z from "zod";

import { rfc3339 } from "../../../shared/clock.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { jsonObject } from "../../../shared/json.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import { SESSION_LIFETIME_MS } from "../../../shared/sessions/session.ts";
import { openRuntime, testIds, type TestRuntime, type TestRuntimeOptions } from "../../kit/runtime.ts";
import { createManualClock, START_MS } from "../manual-clock.ts";

const RIVAL = trustedTenantId("rival");

const trivial = intent("test.trivial", {
  version: 1,
  description: "does nothing",
  input: z.object({}),
  output: jsonObject,
})
  .step("only", { run: () => ({}) })
  .returns(() => ({}));

/** Never ends by itself. */
const endless = intent("test.endless", { version: 1, description: "waits", input: z.object({}), output: jsonObject })
  .step("only", {
    run: ({ signal }) => new Promise<object>((_, reject) => signal.addEventListener("abort", reject)) as never,
  })
  .returns(() => ({}));

async function open(options: TestRuntimeOptions = {}) {
  const clock = createManualClock();
  const runtime = await openRuntime({ clock, intents: [trivial, endless], ...options });
  const { sessions } = runtime.services;
  const create = (userId?: string, tenantId = runtime.tenantId) =>
    sessions.create({ tenantId, userId, context: { a: 1 }, metadata: { from: "test" }, traceId: testIds.trace() });
  return { clock, runtime, sessions, create, [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose]() };
}

const typesOf = async ({ services, tenantId }: TestRuntime, sessionId: ReturnType<typeof testIds.session>) =>
  (await Array.fromAsync(services.log.replay(tenantId, { sessionId }))).map(({ event_type }) => event_type);

describe("sessions", () => {
  it("begin active, for 24 hours, anonymous without a user, and say so in the log", async () => {
    await using on = await open();
    const { session, ...view } = await on.create();
    expect(view).toEqual({ status: "active", expiresAtMs: START_MS + SESSION_LIFETIME_MS, activeSagas: [] });
    expect(session).toMatchObject({
      tenant_id: "acme",
      is_anonymous: true,
      context: { a: 1 },
      metadata: { from: "test" },
    });
    expect(session).not.toHaveProperty("user_id");
    const entries = await Array.fromAsync(
      on.runtime.services.log.replay(on.runtime.tenantId, { sessionId: session.session_id }),
    );
    expect(entries).toMatchObject([
      { event_type: "session_created", payload: { session_id: session.session_id, user_id: null, context: { a: 1 } } },
    ]);
    expect((await on.create("ann")).session).toMatchObject({ is_anonymous: false, user_id: "ann" });
  });

  it("merge contexts, the newer value of a name winning, and bump updated_at", async () => {
    await using on = await open();
    const { session } = await on.create();
    await on.clock.advance(1_000);
    const merge = (context: object) =>
      on.sessions.mergeContext(on.runtime.tenantId, session.session_id, context as never, testIds.trace());
    await merge({ b: 2 });
    const merged = await merge({ a: { deep: true } });
    expect(merged.session.context).toEqual({ a: { deep: true }, b: 2 });
    expect(merged.session.updated_at).toBe("2026-01-01T00:00:01.000Z");
    expect(merged.session.created_at).toBe("2026-01-01T00:00:00.000Z");
    expect(await typesOf(on.runtime, session.session_id)).toEqual([
      "session_created",
      "session_updated",
      "session_updated",
    ]);
  });

  it("hold so much and no more: what would be more is refused, and changes nothing", async () => {
    await using on = await open();
    const { tenantId } = on.runtime;
    const refused = { code: "session.too_large", status: 413, details: { max_bytes: 524_288 } };
    const text = "x".repeat(300_000);
    const draft = { tenantId, userId: undefined, context: { text }, metadata: { text }, traceId: testIds.trace() };
    await expect(on.sessions.create(draft)).rejects.toMatchObject(refused);
    const { session } = await on.sessions.create({ ...draft, metadata: {} });
    const { session_id: sessionId } = session;
    const merge = (context: { readonly [name: string]: string }) =>
      on.sessions.mergeContext(tenantId, sessionId, context, testIds.trace());
    await expect(merge({ more: text })).rejects.toMatchObject(refused);
    const upgrade = { userId: "ann", metadata: { text } };
    await expect(on.sessions.upgrade(tenantId, sessionId, upgrade, testIds.trace())).rejects.toMatchObject(refused);
    expect((await on.sessions.view(tenantId, sessionId)).session).toEqual(session);
    expect((await merge({ text: "less" })).session.context).toEqual({ text: "less" });
  });

  it("S6: concurrent merges lose no update, and the log chains them all", async () => {
    await using on = await open();
    const { session } = await on.create();
    const names = ["n1", "n2", "n3", "n4", "n5", "n6"];
    await Promise.all(
      names.map((name) =>
        on.sessions.mergeContext(on.runtime.tenantId, session.session_id, { [name]: true }, testIds.trace()),
      ),
    );
    const view = await on.sessions.view(on.runtime.tenantId, session.session_id);
    expect(Object.keys(view.session.context).toSorted()).toEqual(["a", ...names]);
    expect(view.session.chain.sequence).toBe(1 + names.length);
    expect(await typesOf(on.runtime, session.session_id)).toHaveLength(1 + names.length);
  });

  it("upgrade an anonymous session under the same id, and let the same user repeat it", async () => {
    await using on = await open();
    const { session } = await on.create();
    const upgrade = (userId: string) =>
      on.sessions.upgrade(
        on.runtime.tenantId,
        session.session_id,
        { userId, metadata: { plan: "x" } },
        testIds.trace(),
      );
    for (const _ of [1, 2]) {
      expect((await upgrade("ann")).session).toMatchObject({
        session_id: session.session_id,
        user_id: "ann",
        is_anonymous: false,
        metadata: { from: "test", plan: "x" },
      });
    }
    await expect(upgrade("bob")).rejects.toMatchObject({ code: "session.already_authenticated", status: 409 });
    expect((await on.sessions.view(on.runtime.tenantId, session.session_id)).session.user_id).toBe("ann");
  });

  it("once closed change no more and take no intents", async () => {
    await using on = await open();
    const { session } = await on.create();
    const sessionId = session.session_id;
    expect((await on.sessions.close(on.runtime.tenantId, sessionId, testIds.trace())).status).toBe("closed");
    const notActive = { code: "session.not_active", status: 409 };
    const { tenantId } = on.runtime;
    await expect(on.sessions.mergeContext(tenantId, sessionId, {}, testIds.trace())).rejects.toMatchObject(notActive);
    await expect(on.sessions.close(tenantId, sessionId, testIds.trace())).rejects.toMatchObject(notActive);
    await expect(on.runtime.submit("test.trivial", {}, { sessionId })).rejects.toMatchObject({
      code: "session.not_active",
    });
    const closed = await on.sessions.view(tenantId, sessionId);
    expect(closed.status).toBe("closed");
    expect(rfc3339(closed.expiresAtMs), "it ended when it was closed").toBe(closed.session.updated_at);
  });

  it("expire 24 hours after they were last used, and then change no more and take no intents", async () => {
    await using on = await open();
    const { sessionId, tenantId } = on.runtime;
    await on.clock.advance(SESSION_LIFETIME_MS - 1);
    expect((await on.sessions.view(tenantId, sessionId)).status).toBe("active");
    await on.clock.advance(1);
    expect((await on.sessions.view(tenantId, sessionId)).status).toBe("expired");
    await expect(on.sessions.mergeContext(tenantId, sessionId, {}, testIds.trace())).rejects.toMatchObject({
      code: "session.not_active",
    });
    await expect(on.runtime.submit("test.trivial")).rejects.toMatchObject({ code: "session.not_active", status: 409 });
  });

  it.each(["an intent", "a change"])("live for 24 hours more from %s on", async (use) => {
    await using on = await open();
    const { sessionId, tenantId } = on.runtime;
    await on.clock.advance(SESSION_LIFETIME_MS / 2);
    if (use === "an intent") await on.runtime.run("test.trivial");
    else await on.sessions.mergeContext(tenantId, sessionId, {}, testIds.trace());
    const view = await on.sessions.view(tenantId, sessionId);
    expect(view.expiresAtMs).toBe(START_MS + 1.5 * SESSION_LIFETIME_MS);
    await on.clock.advance(SESSION_LIFETIME_MS - 1);
    expect((await on.sessions.view(tenantId, sessionId)).status).toBe("active");
  });

  it("a refused intent does not prolong them", async () => {
    await using on = await open();
    const { sessionId, tenantId } = on.runtime;
    await on.clock.advance(1_000);
    await on.runtime.run("test.trivial", {}, { idempotencyKey: "k" });
    await on.clock.advance(1_000);
    await expect(
      on.runtime.submit("test.trivial", {}, { idempotencyKey: "k", metadata: { other: true } }),
    ).rejects.toMatchObject({ code: "idempotency.other_body" });
    expect((await on.sessions.view(tenantId, sessionId)).expiresAtMs).toBe(START_MS + 1_000 + SESSION_LIFETIME_MS);
  });

  it("show the sagas that run in them, each once, and only while they run", async () => {
    await using on = await open();
    const { execution } = await on.runtime.submit("test.endless");
    await on.runtime.run("test.trivial");
    const view = await on.sessions.view(on.runtime.tenantId, on.runtime.sessionId);
    expect(view.activeSagas).toEqual([execution.saga_id]);
    expect((await on.create()).activeSagas).toEqual([]);
  });

  it("S7: of another tenant are not found, by any operation", async () => {
    await using on = await open();
    const { sessionId } = on.runtime;
    const trace = testIds.trace();
    const attempts = [
      on.sessions.view(RIVAL, sessionId),
      on.sessions.mergeContext(RIVAL, sessionId, { stolen: true }, trace),
      on.sessions.upgrade(RIVAL, sessionId, { userId: "eve", metadata: {} }, trace),
      on.sessions.close(RIVAL, sessionId, trace),
      on.runtime.submit("test.trivial", {}, { tenantId: RIVAL }),
    ];
    for (const attempt of attempts) {
      await expect(attempt).rejects.toMatchObject({ code: "session.not_found", status: 404 });
    }
    expect((await on.sessions.view(on.runtime.tenantId, sessionId)).session.context).toEqual({});
  });
});
