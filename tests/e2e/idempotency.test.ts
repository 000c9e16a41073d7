import { beforeAll, describe, expect, it } from "vitest";

import { type Client, connect, createClient, expectProblem, shapes } from "./client.ts";
import { runtimeProcesses, SLOW_RUNTIME } from "./runtime-process.ts";
import { upload } from "./sample-files.ts";

const runtimes = runtimeProcesses();
let client: Client;
let foreign: Client;
let lastKey = 0;

beforeAll(async () => {
  const runtime = await runtimes.start({ entry: SLOW_RUNTIME });
  client = await connect(runtime.url);
  foreign = await connect(runtime.url, "globex");
});

const freshKey = () => ({ "idempotency-key": `key ${(lastKey += 1)}` });
const slow = (label: string, stepMs = 5, of: Client = client) => ({
  session_id: of.sessionId,
  intent_type: "test.slow",
  parameters: { label, step_ms: stepMs },
});

describe("an idempotency key", () => {
  it("leads the same body to the same execution: while it runs, and after it ended", async () => {
    const key = freshKey();
    const id = await client.accept(slow("a", 300), key);
    const inFlight = await client.submit(slow("a", 300), key);
    expect(inFlight.status).toBe(202);
    expect(inFlight.as(shapes.accepted)).toMatchObject({ execution_id: id, status: "running" });
    await client.ended(id);
    const later = (await client.submit(slow("a", 300), key)).as(shapes.accepted);
    expect(later).toMatchObject({ execution_id: id, status: "completed" });
  });

  it("makes one execution of 32 submissions at once", async () => {
    const key = freshKey();
    const before = (await client.get("/executions", { limit: "1000" })).as(shapes.executions).executions.length;
    const answers = await Promise.all(Array.from({ length: 32 }, () => client.submit(slow("burst"), key)));
    const accepted = answers.map((answer) => answer.as(shapes.accepted));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(new Set(accepted.map(({ execution_id, intent_id }) => `${execution_id} ${intent_id}`)).size).toBe(1);
    const after = (await client.get("/executions", { limit: "1000" })).as(shapes.executions).executions.length;
    expect(after - before).toBe(1);
    const log = await client.log(accepted[0]?.execution_id ?? "");
    expect(log.filter((entry) => entry.event_type === "intent_received")).toHaveLength(1);
  });

  it("refuses another body, naming the execution that has the key, and leaves that one alone", async () => {
    const key = freshKey();
    const id = await client.accept(slow("first"), key);
    const others: object[] = [
      slow("second"),
      slow("first", 6),
      { ...slow("first"), metadata: { note: "x" } },
      { ...slow("first"), solution_id: "s" },
      { ...slow("first"), session_id: await client.newSession() },
    ];
    for (const other of others) {
      const problem = expectProblem(await client.post("/intent/submit", other, key), 422, "idempotency.other_body");
      expect(problem).toMatchObject({ details: { execution_id: id } });
    }
    expect((await client.ended(id)).output).toMatchObject({ label: "first" });
  });

  it("takes bodies that differ in the order of their members for the same", async () => {
    const key = freshKey();
    const id = await client.accept(slow("order"), key);
    const { parameters, ...rest } = slow("order");
    const { label, step_ms } = parameters;
    expect(await client.accept({ parameters: { step_ms, label }, ...rest }, key)).toBe(id);
  });

  it("belongs to one tenant and one intent type", async () => {
    const key = freshKey();
    const mine = await client.accept(slow("mine"), key);
    const theirs = await foreign.accept(slow("theirs", 5, foreign), key);
    const file = {
      session_id: client.sessionId,
      intent_type: "content.ingest_file",
      parameters: upload("a.csv", "a\n"),
    };
    const ingested = await client.accept(file, key);
    expect(new Set([mine, theirs, ingested]).size).toBe(3);
    expect(await client.accept({ ...file, intent_type: "ingest_file" }, key), "one type under both its names").toBe(
      ingested,
    );
    expect(await foreign.accept(slow("theirs", 5, foreign), key)).toBe(theirs);
  });

  it("holds on an intent's own route, and across both routes", async () => {
    const key = freshKey();
    const body = { session_id: client.sessionId, parameters: upload("once.csv", "a\n1\n") };
    const first = await client.post("/content/ingest_file", body, key);
    const second = await client.post("/content/ingest_file", body, key);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.as(shapes.outcome)).toEqual(first.as(shapes.outcome));
    const id = await client.accept({ intent_type: "content.ingest_file", ...body }, key);
    expect(id).toBe(first.as(shapes.outcome).execution_id);
  });

  it("may be the caller's own intent id", async () => {
    const body = { ...slow("own id"), intent_id: "order-4711" };
    const id = await client.accept(body);
    expect(await client.accept(body)).toBe(id);
    const other = { ...body, parameters: { label: "changed", step_ms: 5 } };
    expectProblem(await client.submit(other), 422, "idempotency.other_body");
    expect((await client.ended(id)).intent_id).toBe("order-4711");
  });

  it("makes no difference when it is absent: each submission is an intent of its own", async () => {
    expect(await client.accept(slow("twice"))).not.toBe(await client.accept(slow("twice")));
  });

  it("is refused when it is empty or too long", async () => {
    for (const key of ["", "k".repeat(256)]) {
      const problem = expectProblem(await client.submit(slow("x"), { "idempotency-key": key }), 422, "request.invalid");
      expect(problem.errors).toEqual([{ path: "Idempotency-Key", message: expect.stringContaining("255") as unknown }]);
    }
    await client.accept(slow("x"), { "idempotency-key": "k".repeat(255) });
  });

  it("is not used up by a submission that was refused", async () => {
    const key = freshKey();
    expectProblem(await client.submit({ ...slow("x"), session_id: "session_none" }, key), 404, "session.not_found");
    expectProblem(await client.submit({ ...slow("x"), parameters: {} }, key), 422, "intent.bad_parameters");
    await client.accept(slow("x"), key);
  });

  it("outlives the process, killed or not", async () => {
    const first = await runtimes.start();
    const before = await connect(first.url);
    const body = { session_id: before.sessionId, intent_type: "ingest_file", parameters: upload("a.csv", "a\n1\n") };
    const key = freshKey();
    const id = await before.accept(body, key);
    await first.kill();
    const second = await runtimes.start({ dataDir: first.dataDir });
    const after = createClient(second.url, "acme", before.token);
    expect(await after.accept(body, key)).toBe(id);
    expectProblem(
      await after.submit({ ...body, parameters: upload("b.csv", "b\n") }, key),
      422,
      "idempotency.other_body",
    );
    expect((await after.get("/executions")).as(shapes.executions).executions).toHaveLength(1);
  });
});
