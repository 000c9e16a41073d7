import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { expect, it, vi } from "vitest";
import * as z from "zod";

import { type Client, connect, createClient, expectStatus, shapes } from "./client.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";

const FILES = 150;
/** A dead worker's work may be taken up after three seconds without a heartbeat; the rest is for a slow machine. */
const RECOVERY_MS = 60_000;
const runtimes = runtimeProcesses();

const operation = z.looseObject({
  operation_id: z.string(),
  status: z.string(),
  processed: z.int(),
  succeeded: z.int(),
  results: z.array(z.looseObject({ file_id: z.string(), boundary_contract_id: z.string() }).nullable()),
});
const files = Array.from({ length: FILES }, (_, n) => ({
  ui_name: `${n}.csv`,
  content_base64: Buffer.from(`id,name\n${n},file number ${n}\n`).toString("base64"),
}));

async function restart(before: RuntimeProcess, client: Client) {
  const runtime = await runtimes.start({ dataDir: before.dataDir });
  return { runtime, client: { ...createClient(runtime.url, "acme", client.token), sessionId: client.sessionId } };
}

const stored = async ({ dataDir }: RuntimeProcess): Promise<number> =>
  (await readdir(join(dataDir, "objects"), { recursive: true })).filter((path) => /artifacts.*\.csv$/.test(path))
    .length;

/** Kills the process when more batches are done than before, in the middle of the work. */
async function killBetween(runtime: RuntimeProcess, client: Client, id: string, before: number): Promise<number> {
  for (;;) {
    const answer = await client.get(`/execution/${id}/status`);
    const { status, steps } = answer.as(shapes.execution);
    expect(status, "it must still be at work, or the test kills nothing").toMatch(/pending|running|suspended/);
    const done = steps.filter((step) => step.step_name.startsWith("batches/") && step.status === "completed").length;
    if (done <= before) continue;
    await runtime.kill();
    return done;
  }
}

it(
  "a bulk ingestion whose process is killed twice takes every file in once, as one operation",
  { timeout: 150_000 },
  async () => {
    let runtime = await runtimes.start();
    let client = await connect(runtime.url);
    const body = () => ({ session_id: client.sessionId, parameters: { files, batch_size: 5 } });
    const id = await client.accept({ ...body(), intent_type: "content.bulk_ingest_files" });
    let batches = 0;
    for (let kill = 0; kill < 2; kill += 1) {
      batches = await killBetween(runtime, client, id, batches);
      expect(batches).toBeLessThan(FILES / 5);
      ({ runtime, client } = await restart(runtime, client));
    }
    const ended = await vi.waitFor(
      async () => {
        const answer = (await client.get(`/execution/${id}/status`)).as(shapes.execution);
        expect(answer.status).toBe("completed");
        return operation.parse(answer.output);
      },
      { timeout: RECOVERY_MS, interval: 200 },
    );
    expect(ended).toMatchObject({ status: "completed", processed: FILES, succeeded: FILES });
    const ids = ended.results.map((each) => each?.file_id);
    expect(new Set(ids).size).toBe(FILES);
    expect(new Set(ended.results.map((each) => each?.boundary_contract_id)).size).toBe(FILES);
    expect(await stored(runtime)).toBe(FILES);
    const listed = async () => {
      const list = { artifact_type: "file", lifecycle_state: "PENDING", limit: 1 };
      return (await client.post("/artifact/list", list)).as(z.looseObject({ total: z.int() })).total;
    };
    expect(await listed()).toBe(FILES);

    // The same files again, and from a batch on, are the same operation; nothing is taken in twice.
    for (const more of [{}, { resume_from_batch: 10 }]) {
      const asked = { ...body(), parameters: { ...body().parameters, ...more } };
      const again = await client.post("/content/bulk_ingest_files", asked);
      expectStatus(again, 200);
      const { output } = again.as(shapes.outcome);
      expect(operation.parse(output)).toMatchObject({ operation_id: ended.operation_id, succeeded: FILES });
      expect(operation.parse(output).results).toEqual(ended.results);
    }
    expect([await stored(runtime), await listed()]).toEqual([FILES, FILES]);
  },
);
