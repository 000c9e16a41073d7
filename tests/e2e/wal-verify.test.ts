import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { type Client, connect, expectProblem, shapes } from "./client.ts";
import { runtimeProcesses } from "./runtime-process.ts";
import { readyFile } from "./sample-files.ts";

const verification = z.object({
  verified: z.boolean(),
  entries: z.int().optional(),
  chains: z.int(),
  faults: z.array(z.unknown()),
});

const runtimes = runtimeProcesses();
let client: Client;
let executionId: string;

beforeAll(async () => {
  const runtime = await runtimes.start();
  client = await connect(runtime.url);
  const file = await readyFile(client, "mine.csv", "a\n1\n");
  const parsed = await client.post("/content/parse_content", {
    session_id: client.sessionId,
    parameters: { file_id: file.file_id },
  });
  executionId = parsed.as(shapes.outcome).execution_id;
});

describe("GET /wal/verify", () => {
  const verify = async (query: Readonly<Record<string, string>>) =>
    (await client.get("/wal/verify", query)).as(verification);

  it("verifies one execution, one session, a stretch of time, and the whole tenant", async () => {
    expect(await verify({ execution_id: executionId })).toEqual({ verified: true, chains: 1, faults: [] });
    const session = await verify({ session_id: client.sessionId });
    // Ingest, save, parse, and the session's own.
    expect(session).toMatchObject({ verified: true, chains: 4, faults: [] });
    expect(await verify({})).toMatchObject({ verified: true, entries: session.entries });
    const later = await verify({ from: "2099-01-01T00:00:00Z" });
    expect(later).toEqual({ verified: true, entries: 0, chains: 0, faults: [] });
  });

  it("does not find an execution that is not there", async () => {
    expectProblem(await client.get("/wal/verify", { execution_id: "execution_x" }), 404, "execution.not_found");
  });
});
