import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { performance } from "node:perf_hooks";

import { describe, expect, it } from "vitest";

import { connect, createClient, expectStatus } from "./client.ts";
import { follow } from "./event-stream.ts";
import { runtimeProcesses, SLOW_RUNTIME } from "./runtime-process.ts";
import { readyFile, upload, vega } from "./sample-files.ts";

/** How long a dead worker's work rests; work that was handed over must not wait for it. */
const DEAD_AFTER_MS = 3_000;
const GRACE_MS = 2_000;
const runtimes = runtimeProcesses();

const slow = (session_id: string, stepMs: number) => ({
  session_id,
  intent_type: "test.slow",
  parameters: { label: "", step_ms: stepMs },
});

describe("SIGTERM", () => {
  it("lets running steps finish, takes nothing more in, and hands the rest on to the next process at once", async ({
    annotate,
  }) => {
    const env = { GRACE_PERIOD_MS: String(GRACE_MS) };
    const first = await runtimes.start({ entry: SLOW_RUNTIME, env });
    const client = await connect(first.url);
    const accepted = await Promise.all(Array.from({ length: 100 }, () => client.accept(slow(client.sessionId, 400))));
    const stopped = first.stop();
    await expect.poll(first.stderr, { interval: 2 }).toContain('"stopping"');
    const late = await Promise.all(
      Array.from({ length: 5 }, () =>
        client.submit(slow(client.sessionId, 1)).then(
          ({ status }) => status,
          () => "refused",
        ),
      ),
    );
    expect(["refused", 503]).toEqual(expect.arrayContaining(late));
    const exit = await stopped;
    expect({ code: exit.code, signal: exit.signal }).toEqual({ code: 0, signal: null });
    expect(exit.afterMs).toBeLessThan(GRACE_MS);

    const second = await runtimes.start({ entry: SLOW_RUNTIME, dataDir: first.dataDir });
    const readyMs = performance.now();
    const resumed = createClient(second.url, "acme", client.token);
    const statuses = await resumed.allEnded();
    const tookMs = performance.now() - readyMs;
    await annotate(
      `stopped in ${Math.round(exit.afterMs)} ms; the rest was done ${Math.round(tookMs)} ms after the restart`,
    );
    expect([...statuses.values()]).toEqual(accepted.map(() => "completed"));
    for (const id of accepted) {
      const { steps } = await resumed.execution(id);
      expect(steps.map((step) => step.status)).toEqual(["completed", "completed", "completed"]);
    }
  });

  it("finishes a handed-over execution sooner than a dead worker's would even begin", async () => {
    const first = await runtimes.start({ entry: SLOW_RUNTIME });
    const client = await connect(first.url);
    const id = await client.accept(slow(client.sessionId, 200));
    expect((await first.stop()).code).toBe(0);
    const second = await runtimes.start({ entry: SLOW_RUNTIME, dataDir: first.dataDir });
    const readyMs = performance.now();
    const ended = await createClient(second.url, "acme", client.token).ended(id);
    expect(performance.now() - readyMs).toBeLessThan(DEAD_AFTER_MS / 2);
    expect(ended.status).toBe("completed");
    expect(
      ended.steps.map(({ attempt }) => attempt),
      "the grace period let the first step finish",
    ).toContain(1);
    expect(new Set(ended.output?.["processes"] as number[]).size, "two processes had a share in it").toBe(2);
  });

  it("cuts a step off that does not end within the grace period, and runs it again in the next process", async () => {
    const first = await runtimes.start({ entry: SLOW_RUNTIME, env: { GRACE_PERIOD_MS: "200" } });
    const client = await connect(first.url);
    const id = await client.accept(slow(client.sessionId, 900));
    const exit = await first.stop();
    expect(exit.code).toBe(0);
    expect(exit.afterMs).toBeLessThan(800);
    const second = await runtimes.start({ entry: SLOW_RUNTIME, dataDir: first.dataDir });
    const ended = await createClient(second.url, "acme", client.token).ended(id);
    expect(ended.steps.map((step) => [step.status, step.attempt])).toEqual([
      ["completed", 2],
      ["completed", 1],
      ["completed", 1],
    ]);
  });

  it("ends though somebody follows an execution's events", async () => {
    const first = await runtimes.start({ entry: SLOW_RUNTIME, env: { GRACE_PERIOD_MS: "500" } });
    const client = await connect(first.url);
    const id = await client.accept(slow(client.sessionId, 1_000));
    const following = follow(client, id).catch(() => "cut off");
    await client.execution(id);
    const exit = await first.stop();
    expect(exit.code).toBe(0);
    expect(exit.afterMs).toBeLessThan(1_500);
    await following;
  });

  it("stops the real runtime in the middle of real work, and no work is lost", async () => {
    const first = await runtimes.start();
    const client = await connect(first.url);
    const { file_id } = await readyFile(client, "flights.json", vega("flights-10k.json"));
    const submission = { session_id: client.sessionId, intent_type: "content.parse_content", parameters: { file_id } };
    const accepted = await Promise.all(Array.from({ length: 20 }, () => client.accept(submission)));
    const exit = await first.stop();
    expect(exit.code).toBe(0);
    expect(exit.afterMs).toBeLessThan(8_000);
    expect(exit.stderr).not.toContain("ERROR");

    const second = await runtimes.start({ dataDir: first.dataDir });
    const after = createClient(second.url, "acme", client.token);
    await after.allEnded();
    for (const id of accepted) {
      const { status, output } = await after.execution(id);
      expect([status, output?.["record_count"]]).toEqual(["completed", 10_000]);
    }
  });
});

describe("two starts on one folder", () => {
  it("keep sessions, executions, artifacts, log and tokens", async () => {
    const first = await runtimes.start();
    const client = await connect(first.url);
    const { file_id } = await readyFile(client, "kept.csv", "a,b\n1,2\n");
    await client.call({
      method: "PATCH",
      path: `/session/${client.sessionId}`,
      body: { tenant_id: "acme", context: { note: "kept" } },
    });
    const paths = [`/session/${client.sessionId}`, `/artifacts/${file_id}`, "/wal", "/executions"];
    const read = (of: Pick<typeof client, "get">) => Promise.all(paths.map(async (path) => (await of.get(path)).text));
    const before = await read(client);
    expect((await first.stop()).code).toBe(0);

    const second = await runtimes.start({ dataDir: first.dataDir });
    const after = { ...createClient(second.url, "acme", client.token), sessionId: client.sessionId };
    expect(await read(after)).toEqual(before);
    const parameters = upload("more.csv", "a\n1\n");
    const more = await after.post("/content/ingest_file", { session_id: after.sessionId, parameters });
    expectStatus(more, 200);
  });

  it("run side by side, each seeing what the other did", async () => {
    const first = await runtimes.start();
    const second = await runtimes.start({ dataDir: first.dataDir });
    const here = await connect(first.url);
    const there = { ...createClient(second.url, "acme", here.token), sessionId: here.sessionId };
    const { file_id } = await readyFile(here, "shared.csv", "a\n1\n2\n");
    const submission = { session_id: there.sessionId, intent_type: "content.parse_content", parameters: { file_id } };
    const id = await there.accept(submission);
    expect((await here.ended(id)).output).toMatchObject({ record_count: 2 });
    expect((await follow(here, id)).at(-1)?.event).toBe("execution_completed");
  });
});

describe("a start that cannot be", () => {
  it("names every faulty setting at once, and exits with 1", async () => {
    const env = { PORT: "http", HOST: "0.0.0.0", MAX_BODY_BYTES: "12", LOG_LEVEL: "loud", MAX_RUNNING: "0" };
    const exit = await runtimes.runToExit({ env });
    expect(exit.code).toBe(1);
    for (const name of ["PORT", "MAX_BODY_BYTES", "LOG_LEVEL", "MAX_RUNNING"])
      expect(exit.stderr).toContain(`${name}: `);
    expectPlainWords(exit.stderr);
    expect(exit.stdout).toBe("");
  });

  it("refuses to issue tokens to the network: MODE=dev listens on loopback only", async () => {
    const exit = await runtimes.runToExit({ env: { MODE: "dev", HOST: "0.0.0.0" } });
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/HOST: dev mode .* loopback/);
    expectPlainWords(exit.stderr);
  });

  it("refuses MODE=production without an identity provider, and names what is needed", async () => {
    const exit = await runtimes.runToExit({ env: { MODE: "production" } });
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/OIDC_ISSUER[^]*OIDC_AUDIENCE/);
    expectPlainWords(exit.stderr);
  });

  it("says that the port is in use, and how to choose another", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const exit = await runtimes.runToExit({ env: { PORT: String(port) } });
    other.close();
    expect(exit.code).toBe(1);
    expect(exit.stderr).toContain(`127.0.0.1:${port}`);
    expect(exit.stderr).toMatch(/in use/);
    expect(exit.stderr).toMatch(/PORT/);
    expectPlainWords(exit.stderr);
    expect(exit.stdout).toBe("");
  });

  it("says so when DATA_DIR cannot be used or does not hold its database", async () => {
    const dataDir = await runtimes.folder();
    await writeFile(`${dataDir}/file`, "");
    const noFolder = await runtimes.runToExit({ dataDir: `${dataDir}/file` });
    await writeFile(`${dataDir}/runtime.db`, "this is no database, and that for more than a hundred bytes ".repeat(9));
    const noDatabase = await runtimes.runToExit({ dataDir });
    await rename(`${dataDir}/runtime.db`, `${dataDir}/elsewhere`);
    for (const exit of [noFolder, noDatabase]) {
      expect(exit.code).toBe(1);
      expect(exit.stderr).toContain(dataDir);
      expectPlainWords(exit.stderr);
    }
  });
});

/** A sentence or a list for a person, not a stack trace. */
function expectPlainWords(stderr: string): void {
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr.trim().split("\n").length).toBeLessThan(10);
}
