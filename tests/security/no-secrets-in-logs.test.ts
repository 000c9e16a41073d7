import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { connect, type Client, send } from "../e2e/client.ts";
import { type Known, type Operation, readOperations, requestFor } from "../e2e/operations.ts";
import { type RuntimeProcess, runtimeProcesses } from "../e2e/runtime-process.ts";
import { furnish } from "../kit/furnished-tenant.ts";

/** Secrets that are easy to find again, wherever they come out. */
const MARK = "s3cr3t-m4rk";
const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;
let known: Known;
let operations: readonly Operation[];

beforeAll(async () => {
  runtime = await runtimes.start({ env: { LOG_LEVEL: "debug" } });
  client = await connect(runtime.url);
  ({ known } = await furnish(runtime.url, "acme", client.token));
  operations = await readOperations(runtime.url);
});

/** The request with secrets in its free members, parameters among them, and in one that it does not know. */
const marked = (operation: Operation, parameters: object) => {
  const request = requestFor(operation, known);
  if (request.body === undefined) return { ...request, path: `${request.path}&other=${MARK}` };
  const free = {
    context: { password: MARK },
    metadata: { password: MARK },
    payload: { password: MARK },
    unknown: MARK,
  };
  return { ...request, body: { ...request.body, ...free, parameters } };
};

describe("the log of a process that was asked everything with secrets", () => {
  it("has none of them: no token, no signed URL, no parameter", async () => {
    const secrets = [client.token, MARK, Buffer.from(MARK).toString("base64").replaceAll("=", "")];
    for (const operation of operations) {
      for (const parameters of [
        { password: MARK },
        { ui_name: `${MARK}.csv`, content_base64: Buffer.from(`a\n${MARK}\n`).toString("base64") },
        { ui_name: "broken.csv", content_base64: Buffer.from(`a,b\n1,"${MARK}\n`).toString("base64") },
      ]) {
        await client.call(marked(operation, parameters));
        await client.call({ ...marked(operation, parameters), headers: { "idempotency-key": `key-${MARK}` } });
        await send(runtime.url, { ...marked(operation, parameters), headers: { authorization: `Bearer ${MARK}.a.b` } });
      }
    }
    const upload = { filename: "a.csv", content_type: "text/csv", size_bytes: 4 };
    const opened = await client.post("/files/upload-url", upload);
    const { upload_url, headers } = opened.as(
      z.object({ upload_url: z.string(), headers: z.record(z.string(), z.string()) }),
    );
    const url = new URL(upload_url);
    secrets.push(url.search.slice(1));
    // Too many bytes, then the right ones, then not to be repeated.
    for (const raw of [`a\n${MARK}\n`, "a\n1\n", "a\n2\n"]) {
      await send(runtime.url, { method: "PUT", path: `${url.pathname}${url.search}`, raw, headers });
    }
    await send(runtime.url, {
      method: "POST",
      path: "/intent/submit",
      raw: `{"password":"${MARK}"`,
      headers: { authorization: `Bearer ${client.token}` },
    });
    await client.allEnded();
    const exit = await runtime.stop();
    const lines = exit.stderr.split("\n").filter((line) => line !== "");
    expect(lines.length, "nothing was logged, so nothing is proven").toBeGreaterThan(1);
    for (const line of lines) {
      for (const secret of secrets) expect(line).not.toContain(secret);
    }
    expect(exit.stdout).not.toContain(MARK);
  });
});
