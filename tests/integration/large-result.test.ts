import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import type { StepContext, UndoContext } from "../../shared/sagas/step-context.ts";
import type { JsonObject } from "../../shared/json.ts";
import { ingestFile } from "../../functions/content/ingest-file.ts";
import { createApp } from "../../shared/http/app.ts";
import { fetchApp } from "../kit/fetch-app.ts";
import { plainIntent } from "../kit/plain-intent.ts";
import { openRuntime } from "../kit/runtime.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";

/** More than a commit may hold. */
const LARGE = "x".repeat(200 * 1024);

it("waits for the object store to come back before it records a large result", async () => {
  const large = plainIntent("test.large")
    .step("take", {
      run: (ctx: StepContext<JsonObject, unknown>) => ctx.effects.apply({}).then(() => ({})),
      undo: (ctx: UndoContext<JsonObject, unknown, unknown>) => ctx.effects.undo(),
    })
    .returns(() => ({ text: LARGE }));
  await using folder = await temporaryFolder();
  const objects = join(folder.path, "objects");
  // Where the objects' folder should be is a file: nothing can be written.
  await writeFile(objects, "");
  await using runtime = await openRuntime({ intents: [large], folder: folder.path });
  const { execution } = await runtime.submit("test.large");
  await expect
    .poll(() => runtime.logged.some(({ severity }) => severity === "ERROR"), { message: "the outage is felt" })
    .toBe(true);

  await rm(objects);
  await runtime.services.recovery.sweep();
  const ended = await runtime.services.lifecycle.wait(runtime.tenantId, execution.execution_id, 3_000);
  expect(ended.status).toBe("completed");
});

it("answers as much of the steps' outputs as an answer holds, tells the size of the others, and each of them when asked", async () => {
  const kib = [100, 3_000, 2_000, 90];
  const many = plainIntent("test.many")
    .map("many", { over: () => kib, concurrency: 1, run: (_ctx, count) => ({ text: "x".repeat(count * 1_024 - 11) }) })
    .returns(() => ({}));
  await using runtime = await openRuntime({ intents: [many] });
  const { execution_id } = await runtime.run("test.many");
  const app = createApp(runtime.services);
  const issued = await runtime.services.adapters.devTokens?.issue({ tenantId: "acme", roles: ["viewer"] });
  const stepsFor = async (query: string) => {
    const url = `http://127.0.0.1/execution/${execution_id}/status?tenant_id=acme${query}`;
    const answer = await fetchApp(app, new Request(url, { headers: { authorization: `Bearer ${issued?.token}` } }));
    const { steps } = (await answer.json()) as {
      steps: readonly { step_name: string; outputs?: { text: string }; outputs_bytes?: number }[];
    };
    return steps.map(({ step_name, outputs, outputs_bytes }) => [step_name, outputs?.text.length, outputs_bytes]);
  };
  const bytes = kib.map((count) => count * 1_024);
  expect(await stepsFor("")).toEqual([
    ["many", undefined, undefined],
    ["many/0", (bytes[0] ?? 0) - 11, undefined],
    ["many/1", (bytes[1] ?? 0) - 11, undefined],
    ["many/2", undefined, bytes[2]],
    ["many/3", (bytes[3] ?? 0) - 11, undefined],
  ]);
  expect(await stepsFor("&step=many/2")).toEqual([["many/2", (bytes[2] ?? 0) - 11, undefined]]);
  expect(await stepsFor("&step=no_such_step")).toEqual([]);
});

it("answers a file of JSON that no answer gives back as it is, with numbers beyond a double or without end of depth, as its text", async () => {
  await using runtime = await openRuntime({ intents: [ingestFile] });
  const app = createApp(runtime.services);
  const issued = await runtime.services.adapters.devTokens?.issue({ tenantId: "acme", roles: ["viewer"] });
  const headers = { authorization: `Bearer ${issued?.token}` };
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  for (const [name, text, payload_encoding, payload] of [
    ["a.json", '{"id":12345678901234567890}', "text", '{"id":12345678901234567890}'],
    ["a.json", deep, "text", deep],
    ["a.jsonl", `1\n${deep}`, "text", `1\n${deep}`],
    ["a.json", '{"id":1}', "json", { id: 1 }],
  ] as const) {
    const content_base64 = Buffer.from(text).toString("base64");
    const { output } = await runtime.run("content.ingest_file", { ui_name: name, content_base64 });
    const { file_id } = output as { file_id: string };
    const url = `http://127.0.0.1/artifacts/${file_id}?tenant_id=acme`;
    const answer = await fetchApp(app, new Request(url, { headers }));
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ payload_encoding, payload })]);
  }
});
