import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import postgres from "postgres";
import { afterEach, expect, it, vi } from "vitest";
import * as z from "zod";

import { functionSpecs } from "../../../infra/build/functions.ts";
import { RUNNER } from "../../../infra/build/runner-spec.ts";
import { connect, expectProblem, expectStatus } from "../../e2e/client.ts";
import { REPOSITORY } from "../../e2e/runtime-process.ts";
import { upload } from "../../e2e/sample-files.ts";
import { withParts } from "../../kit/parts.ts";
import { ECHO, reactor } from "../../kit/wasm/wat.ts";

const START_WITHIN_MS = 75_000;
const PARTS = [
  "redis-server",
  "upstash-bridge",
  "firestore-emulator",
  "pubsub-emulator",
  "gcs-standin",
  "arango-standin",
  "postgres",
];
const FUNCTIONS = [...functionSpecs().map(({ name }) => name), RUNNER.name];
const made = z.object({ instance: z.object({ instance_id: z.string() }) });

let cloud: ReturnType<typeof launch> | undefined;
afterEach(() => cloud?.child.kill("SIGKILL"));

function launch() {
  const node = join(REPOSITORY, "node_modules/.bin/node");
  const child = spawn(node, ["infra/dev/cloud.ts"], {
    cwd: REPOSITORY,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  return { child, ended: once(child, "close"), said: () => said };
}

/** The processes of its table, by their names. */
function table(said: string): ReadonlyMap<string, number> {
  return new Map(
    [...said.matchAll(/^ {2}(\S+) +127\.0\.0\.1:\d+ +pid (\d+)/gm)].map(([, name = "", pid]) => [name, Number(pid)]),
  );
}

/** The database of the server in its table. */
function databaseUrl(said: string): string {
  return `postgres://postgres@${/^ {2}postgres +(\S+)/m.exec(said)?.[1]}/postgres`;
}

async function filesIn(url: string): Promise<number> {
  const sql = postgres(url, { max: 1 });
  try {
    return (await sql`select id from symphainy.file_references`).length;
  } finally {
    await sql.end();
  }
}

async function untilReady({ said }: ReturnType<typeof launch>): Promise<string> {
  await vi.waitFor(() => expect(said()).toMatch(/ready after/), { timeout: START_WITHIN_MS, interval: 100 });
  return /^ {2}API +(\S+)$/m.exec(said())?.[1] ?? "";
}

function alive(pids: Iterable<number>): number[] {
  return [...pids].filter((pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  });
}

withParts(["redis", "firestore", "pubsub", "postgres"], () => {
  it("dev:cloud runs everything as processes, takes an intent through all of it, runs a guest in its runner, tells what ends by itself, and stops all of it", async () => {
    cloud = launch();
    const url = await untilReady(cloud);
    const processes = table(cloud.said());
    expect([...processes.keys()].toSorted()).toEqual([...PARTS, ...FUNCTIONS].toSorted());
    expect(alive(processes.values())).toHaveLength(processes.size);

    const client = await connect(url);
    const parameters = upload("people.csv", "name,age\nAda,36\n");
    const id = await client.accept({ session_id: client.sessionId, intent_type: "content.ingest_file", parameters });
    expect((await client.ended(id)).status).toBe("completed");
    expect(await filesIn(databaseUrl(cloud.said()))).toBe(1);

    const module_base64 = Buffer.from(await reactor(ECHO)).toString("base64");
    const created = await client.post("/wasm/instances", { module_base64, capabilities: [] });
    expectStatus(created, 201);
    const invoke = `/wasm/instances/${created.as(made).instance.instance_id}/invoke`;
    const invoked = await client.post(invoke, { input: { n: 1 } });
    expectStatus(invoked, 200);
    expect(invoked.as(z.object({ output: z.unknown() })).output).toEqual({ n: 1 });

    for (const name of ["upstash-bridge", "wasm_runner"]) {
      process.kill(processes.get(name) ?? 0, "SIGKILL");
      const told = new RegExp(`${name} .* ENDED BY ITSELF`);
      await vi.waitFor(() => expect(cloud?.said()).toMatch(told), { timeout: 5_000 });
    }
    // It was there that the guest ran, and nowhere else does one.
    const refused = await client.post(invoke, { input: { n: 2 } });
    expectProblem(refused, 429, "wasm.resource_exhausted");
    expect(refused.text).toMatch(/node_(unreachable|lost)/);

    cloud.child.kill("SIGINT");
    const [code] = await cloud.ended;
    expect(code).toBe(0);
    expect(cloud.said()).toMatch(/stopped\s*$/);
    expect(alive(processes.values())).toEqual([]);
  }, 120_000);

  it("dev:cloud leaves no process behind when it is killed", async () => {
    cloud = launch();
    await untilReady(cloud);
    const processes = table(cloud.said());
    cloud.child.kill("SIGKILL");
    await vi.waitFor(() => expect(alive(processes.values())).toEqual([]), { timeout: 10_000 });
  }, 120_000);
});
