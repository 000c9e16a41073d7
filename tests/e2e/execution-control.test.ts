import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { type Client, connect, createClient, expectProblem, expectStatus, shapes } from "./client.ts";
import { runtimeProcesses, SLOW_RUNTIME } from "./runtime-process.ts";

const runtimes = runtimeProcesses();
/** A dead worker's work may be taken up after three seconds without a heartbeat; the rest is for a slow machine. */
const RECOVERY_MS = 15_000;

async function begin() {
  const runtime = await runtimes.start({ entry: SLOW_RUNTIME });
  const client = await connect(runtime.url);
  return { runtime, client };
}

const submit = (client: Client, item = "book") =>
  client.accept({ session_id: client.sessionId, intent_type: "test.approval", parameters: { item } });

async function reach(client: Client, id: string, status: string) {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 20) {
    const found = await client.execution(id);
    if (found.status === status) return found;
    await sleep(20);
  }
  throw new Error(`${id} did not become ${status}`);
}

const steps = ({ steps: all }: Awaited<ReturnType<Client["execution"]>>) =>
  all.map(({ step_name, status }) => `${step_name}: ${status}`);

const approve = (client: Client, id: string, ok = true) =>
  client.post(`/execution/${id}/signal/approval`, { payload: { by: "ann", ok }, signal_id: "decision" });

describe("POST /execution/{id}/signal/{name}", () => {
  it("lets a waiting execution go on with its payload; once it is over there is nothing to signal to", async () => {
    const { client } = await begin();
    const id = await submit(client);
    expect(steps(await reach(client, id, "suspended"))).toEqual(["reserve: completed", "approval: started"]);
    const answer = await approve(client, id);
    expectStatus(answer, 202);
    expect(answer.as(shapes.accepted).execution_id).toBe(id);
    expect(await client.ended(id)).toMatchObject({ status: "completed", output: { item: "book", by: "ann" } });
    expectProblem(await approve(client, id), 409, "execution.over");
  });

  it("refuses a wrong payload, an unknown name, an unknown execution, and another tenant", async () => {
    const { runtime, client } = await begin();
    const id = await submit(client);
    await reach(client, id, "suspended");
    const wrong = await client.post(`/execution/${id}/signal/approval`, { payload: { by: 7 } });
    expect(expectProblem(wrong, 422, "signal.invalid").errors?.map(({ path }) => path)).toEqual([
      "payload.by",
      "payload.ok",
    ]);
    expectProblem(await client.post(`/execution/${id}/signal/aproval`, { payload: {} }), 404, "signal.unknown");
    const absent = await client.post("/execution/execution_none/signal/approval", { payload: {} });
    expectProblem(absent, 404, "execution.not_found");
    const foreign = await connect(runtime.url, "other");
    expectProblem(await approve(foreign, id), 404, "execution.not_found");
    expect((await client.execution(id)).status).toBe("suspended");
  });

  it("survives kill -9: a suspended execution is there after the restart, and finishes when it is signalled", async () => {
    const { runtime, client } = await begin();
    const ids = await Promise.all([1, 2, 3].map((n) => submit(client, `book ${n}`)));
    for (const id of ids) await reach(client, id, "suspended");
    // The last one is signalled in the very moment of the kill: an answer of 202 is a promise.
    const last = approve(client, ids[2] ?? "").catch(() => undefined);
    await Promise.all([runtime.kill(), last]);
    const again = await runtimes.start({ dataDir: runtime.dataDir, entry: SLOW_RUNTIME });
    const later = { ...createClient(again.url, "acme", client.token), sessionId: client.sessionId };
    expect((await later.execution(ids[0] ?? "")).status).toBe("suspended");
    for (const id of ids) if (id !== ids[2] || (await last) === undefined) expectStatus(await approve(later, id), 202);
    for (const [index, id] of ids.entries()) {
      const ended = await later.ended(id, RECOVERY_MS);
      expect(ended).toMatchObject({ status: "completed", output: { item: `book ${index + 1}` } });
    }
  });
});

describe("POST /execution/{id}/cancel", () => {
  it("undoes what a waiting execution did, and ends it", async () => {
    const { client } = await begin();
    const id = await submit(client);
    await reach(client, id, "suspended");
    expectStatus(await client.post(`/execution/${id}/cancel`, {}), 202);
    const ended = await client.ended(id);
    expect([ended.status, steps(ended)]).toEqual(["cancelled", ["reserve: compensated", "approval: started"]]);
    expectProblem(await client.post(`/execution/${id}/cancel`, {}), 409, "execution.over");
  });

  it("without compensation leaves what was done", async () => {
    const { client } = await begin();
    const id = await submit(client);
    await reach(client, id, "suspended");
    expectStatus(await client.post(`/execution/${id}/cancel`, { compensate: false }), 202);
    expect(steps(await client.ended(id))[0]).toBe("reserve: completed");
  });
});

describe("POST /execution/{id}/retry and /fork", () => {
  it("repeats a compensated one from its start, and forks one from a step", async () => {
    const { client } = await begin();
    const id = await submit(client);
    await reach(client, id, "suspended");
    expectProblem(await client.post(`/execution/${id}/retry`, {}), 409, "execution.not_retryable");
    await approve(client, id, false);
    expect(await client.ended(id)).toMatchObject({ status: "compensated", error: { code: "test.rejected" } });

    const retried = await client.post(`/execution/${id}/retry`, {});
    expectStatus(retried, 202);
    const second = retried.as(shapes.accepted).execution_id;
    expect(second).not.toBe(id);
    await reach(client, second, "suspended");
    await approve(client, second);
    expect((await client.ended(second)).status).toBe("completed");

    const forked = await client.post(`/execution/${second}/fork`, { from_step: "ship", parameters: { item: "pen" } });
    expectStatus(forked, 202);
    const third = await client.ended(forked.as(shapes.accepted).execution_id);
    expect(third).toMatchObject({ status: "completed", output: { item: "pen", by: "ann" } });
    expectProblem(await client.post(`/execution/${second}/fork`, { from_step: "none" }), 422, "fork.bad_step");
    expectProblem(await client.post(`/execution/${second}/fork`, {}), 422, "request.invalid");
  });
});

describe("GET /execution/{id}/events", () => {
  it("stays open while the execution waits, and tells what follows the signal", async () => {
    const { runtime, client } = await begin();
    const id = await submit(client);
    await reach(client, id, "suspended");
    const answer = await fetch(`${runtime.url}/execution/${id}/events?tenant_id=acme`, {
      headers: { authorization: `Bearer ${client.token}`, accept: "text/event-stream" },
    });
    const seen: string[] = [];
    let signalled = false;
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      seen.push(...[...decoder.decode(chunk as Uint8Array).matchAll(/^event: (\w+)$/gm)].map(([, type = ""]) => type));
      if (!signalled && seen.includes("execution_suspended")) {
        signalled = true;
        await sleep(300);
        expectStatus(await approve(client, id), 202);
      }
    }
    expect(signalled).toBe(true);
    expect(seen.slice(seen.indexOf("execution_suspended"))).toEqual([
      "execution_suspended",
      "execution_resumed",
      "signal_received",
      "step_completed",
      "step_started",
      "step_completed",
      "step_started",
      "step_completed",
      "execution_completed",
    ]);
  });
});
