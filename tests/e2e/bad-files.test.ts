import { beforeAll, describe, expect, it } from "vitest";

import { workbookOf } from "../unit/content/workbook-fixture.ts";
import { type Client, connect, expectProblem, shapes } from "./client.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";
import { readyFile, upload } from "./sample-files.ts";

const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;

beforeAll(async () => {
  runtime = await runtimes.start();
  client = await connect(runtime.url);
});

describe("a file that cannot be", () => {
  const bomb = () => {
    const xml = `<worksheet><sheetData>${" ".repeat(24 * 1024 * 1024)}</sheetData></worksheet>`;
    return workbookOf({ sheets: { S: "" }, members: [{ name: "xl/worksheets/sheet1.xml", data: xml }] });
  };
  const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;

  it.each([
    ["a CSV with broken quoting", "broken.csv", 'a,b\n1,"never closed\n2,3\n', "content.csv_malformed", /quot/i],
    ["a CSV with a header alone", "header.csv", "a,b\n", "content.empty_file", /no data rows/],
    ["a zip bomb of a workbook", "bomb.xlsx", bomb, "content.xlsx_too_large", /./],
    ["a workbook that is no zip file", "text.xlsx", "a,b\n1,2\n", "content.xlsx_malformed", /./],
    ["JSON that breaks off", "cut.json", '[{"a":1},{"a":', "content.json_malformed", /./],
    ["JSON nested deeper than anything real", "deep.json", `[{"a":${deep}}]`, /^content\./, /./],
    [
      "JSON lines of which one is broken",
      "bad.jsonl",
      '{"a":1}\n{"a":\n{"a":3}\n',
      "content.jsonl_malformed",
      /line 2/i,
    ],
    ["a format that nobody parses", "film.mp4", "....", /^content\./, /./],
  ])("%s fails the execution with the reason, and leaves the artifact FAILED", async (_, name, bytes, code, reason) => {
    const content = typeof bytes === "string" ? bytes : bytes();
    const { file_id } = await readyFile(client, name, content);
    const ended = await client.ended(
      await client.accept({
        session_id: client.sessionId,
        intent_type: "content.parse_content",
        parameters: { file_id },
      }),
    );
    expect([ended.status, ended.error]).toEqual(["failed", expect.objectContaining({ status: 422, retryable: false })]);
    expect(ended.error?.code).toMatch(code);
    expect(ended.error?.message).toMatch(reason);
    expect(ended.artifacts?.map((artifact) => [artifact.artifact_type, artifact.lifecycle_state])).toEqual([
      ["parsed_content", "FAILED"],
    ]);
    const log = await client.log(ended.execution_id);
    expect(log.at(-1)?.event_type).toBe("execution_failed");
    expect(log.map((entry) => entry.event_type)).toContain("step_failed");

    const again = await client.post("/content/parse_content", {
      session_id: client.sessionId,
      parameters: { file_id },
    });
    expect(again.as(shapes.problem), "the intent's own route says the same").toMatchObject({
      status: 422,
      code: ended.error?.code,
      detail: ended.error?.message,
    });
  });

  it("an empty one fails its ingestion, and the file says FAILED", async () => {
    const ended = await client.ended(
      await client.accept({
        session_id: client.sessionId,
        intent_type: "content.ingest_file",
        parameters: upload("nothing.csv", ""),
      }),
    );
    expect(ended.error).toMatchObject({ code: "content.empty_file", status: 422 });
    expect(ended.error?.message).toContain("nothing.csv");
    expect(ended.artifacts).toMatchObject([{ artifact_type: "file", lifecycle_state: "FAILED" }]);
    const artifact_id = ended.artifacts?.[0]?.artifact_id ?? "";
    expectProblem(
      await client.post("/artifact/resolve", { artifact_id, artifact_type: "file" }),
      404,
      "artifact.not_found",
    );
    expect((await client.get(`/artifacts/${artifact_id}`)).as(shapes.payload).artifact.lifecycle_state).toBe("FAILED");
    expectProblem(await client.get(`/artifacts/${artifact_id}/payload`), 404, "artifact.no_bytes");
    const failed = await client.post("/artifact/list", { lifecycle_state: "FAILED", artifact_type: "file" });
    expect(failed.text).toContain(artifact_id);
  });
});

it("has logged no unexpected error in all of this", async () => {
  const exit = await runtime.stop();
  expect(exit.code).toBe(0);
  expect(exit.stderr).not.toContain('"severity":"ERROR"');
});
