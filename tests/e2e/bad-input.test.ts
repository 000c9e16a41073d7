import { gzipSync } from "node:zlib";

import { beforeAll, describe, expect, it } from "vitest";

import { type Answer, type Client, connect, expectProblem, expectStatus, send, shapes } from "./client.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";
import { readyFile, upload } from "./sample-files.ts";

const MAX_BODY_BYTES = 256 * 1024;
const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;

beforeAll(async () => {
  runtime = await runtimes.start({ env: { MAX_BODY_BYTES: String(MAX_BODY_BYTES) } });
  client = await connect(runtime.url);
});

const paths = (answer: Answer) => answer.as(shapes.problem).errors?.map(({ path }) => path);
const submission = (change: object = {}) => ({
  tenant_id: "acme",
  session_id: client.sessionId,
  intent_type: "content.ingest_file",
  parameters: upload("a.csv", "a\n1\n"),
  ...change,
});
const postRaw = (raw: string | Uint8Array | ReadableStream, headers: Readonly<Record<string, string>> = {}) =>
  client.call({ method: "POST", path: "/intent/submit", raw, headers });

describe("a request that is not one", () => {
  it.each(["{", "", "{'a':1}", '{"a":1}}', "\u0000", "undefined", '{"tenant_id":"acme",}'])(
    "is 400 when its body is the malformed JSON %j",
    async (raw) => {
      expectProblem(await postRaw(raw), 400, "request.malformed_json");
    },
  );

  it("is 400 when its body is cut off in the middle, or is not UTF-8", async () => {
    const whole = JSON.stringify(submission());
    expectProblem(await postRaw(whole.slice(0, -7)), 400, "request.malformed_json");
    const latin1 = Buffer.from(JSON.stringify(submission({ metadata: { note: "\u00e9" } })), "latin1");
    expect(expectProblem(await postRaw(latin1), 400, "request.malformed_json").detail).toContain("UTF-8");
  });

  it.each(["null", "[]", "1", '"text"', "[[]]"])("is 422 when its body is %s and not an object", async (raw) => {
    expectProblem(await postRaw(raw), 422, "request.invalid");
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", "json", ""])(
    "is 415 with the content type %j",
    async (type) => {
      const answer = await postRaw(JSON.stringify(submission()), { "content-type": type });
      expectProblem(answer, 415, "request.not_json");
    },
  );

  it("is 415 when its body is compressed, and not taken for broken JSON", async () => {
    const raw = gzipSync(JSON.stringify(submission()));
    expectProblem(await postRaw(raw, { "content-encoding": "gzip" }), 415, "request.encoded");
    expect((await postRaw(JSON.stringify(submission()), { "content-encoding": "identity" })).status).toBe(202);
  });

  it("is taken with parameters on the content type", async () => {
    const headers = { "content-type": "application/json; charset=utf-8" };
    expect((await postRaw(JSON.stringify(submission()), headers)).status).toBe(202);
  });

  it("is 413 when its body is over the limit, with or without a declared length", async () => {
    const large = JSON.stringify(submission({ metadata: { note: "x".repeat(MAX_BODY_BYTES) } }));
    const problem = expectProblem(await postRaw(large), 413, "request.too_large");
    expect(problem).toMatchObject({ details: { max_bytes: MAX_BODY_BYTES } });
    expectProblem(await postRaw(new Blob([large]).stream()), 413, "request.too_large");
    const exact = JSON.stringify(submission({ metadata: { note: "" } }));
    const fitting = JSON.stringify(submission({ metadata: { note: "x".repeat(MAX_BODY_BYTES - exact.length) } }));
    expect(fitting).toHaveLength(MAX_BODY_BYTES);
    expect((await postRaw(fitting)).status).toBe(202);
  });

  it("is 422 when it is nested so deep that code would break on it", async () => {
    for (const depth of [300, 20_000, 100_000]) {
      const deep = `${"[".repeat(depth)}${"]".repeat(depth)}`;
      const raw = JSON.stringify(submission({ metadata: { a: "deep" } })).replace('"deep"', deep);
      expectProblem(await postRaw(raw), 422, "request.too_deep");
    }
    const deep = `${"[".repeat(200)}${"]".repeat(200)}`;
    expect((await postRaw(JSON.stringify(submission({ metadata: { a: "x" } })).replace('"x"', deep))).status).toBe(202);
  });

  it("is 422 with a member that nothing knows, rather than done without it", async () => {
    for (const [path, body] of [
      ["/intent/submit", submission({ idempotency_key: "once" })],
      ["/content/ingest_file", { ...submission({ intent_type: undefined }), prefer: "wait=1" }],
      ["/artifact/list", { lifecycle: "PENDING" }],
      ["/intent/pending/list", { target: "file_x" }],
      ["/execution/execution_x/cancel", { compensat: false }],
      ["/execution/execution_x/retry", { session: "x" }],
      ["/session/create", { user: "x" }],
    ] as const) {
      const known = new Set(["tenant_id", "session_id", "intent_type", "parameters"]);
      const [unknown = ""] = Object.keys(body).filter((name) => !known.has(name));
      const problem = expectProblem(await client.post(path, body), 422, "request.invalid");
      expect(problem.errors).toMatchObject([{ message: expect.stringContaining(`"${unknown}"`) as string }]);
    }
  });

  it("is 422 with a member that would be dropped in silence", async () => {
    const submitted = { session_id: client.sessionId, intent_type: "content.parse_content" };
    const left = { intent_type: "content.parse_content", target_artifact_id: "file_x" };
    for (const [method, path, member, more] of [
      ["POST", "/session/create", "context", {}],
      ["PATCH", `/session/${client.sessionId}`, "context", {}],
      ["POST", "/intent/submit", "metadata", submitted],
      ["POST", "/intent/submit", "parameters", submitted],
      ["POST", "/intent/pending/create", "context", left],
    ] as const) {
      const own = JSON.parse(`{"tenant_id":"acme","${member}":{"__proto__":{"a":1},"b":2}}`) as object;
      const { errors } = expectProblem(
        await client.call({ method, path, body: { ...more, ...own } }),
        422,
        "request.invalid",
      );
      expect(errors).toMatchObject([{ path: `${member}.__proto__` }]);
    }
  });

  it("is taken on an intent's own route with the type said again, and not with another type", async () => {
    expectStatus(await client.post("/content/ingest_file", submission()), 200);
    const other = await client.post("/content/ingest_file", submission({ intent_type: "content.parse_content" }));
    expect(expectProblem(other, 422, "request.invalid").errors).toMatchObject([{ path: "intent_type" }]);
  });

  it.each(["9007199254740993", "-12345678901234567890", "1e400"])(
    "is 422 with the number %s, of which digits would be lost",
    async (number) => {
      const raw = JSON.stringify(submission({ metadata: { n: 0 } })).replace('"n":0', `"n":${number}`);
      expect(expectProblem(await postRaw(raw), 422, "request.number_too_long").detail).toContain(number);
    },
  );

  it("is 404, as a problem, on a route that does not exist", async () => {
    for (const [method, path] of [
      ["GET", "/nowhere"],
      ["POST", "/content/no_such_intent"],
      ["GET", "/../../etc/passwd"],
      ["GET", "/%2e%2e/%2e%2e/etc/passwd"],
      ["GET", "/docs/../package.json"],
    ] as const) {
      expectProblem(await client.call({ method, path }), 404, "request.no_such_endpoint");
    }
  });

  it("is 405 with a method that the route does not take, and names those that it does (RFC 9110, 15.5.6)", async () => {
    for (const [method, path, allow] of [
      ["DELETE", `/session/${client.sessionId}`, "GET, HEAD, PATCH"],
      ["GET", "/intent/submit", "POST"],
      ["PUT", "/intent/pending/list", "POST"],
      ["OPTIONS", "/executions", "GET, HEAD"],
    ] as const) {
      const answer = await client.call({ method, path });
      expectProblem(answer, 405, "request.method_not_allowed");
      expect(answer.headers.get("allow")).toBe(allow);
    }
  });
});

describe("an intent that cannot be", () => {
  it("names every required field that is absent or empty, in the words of the specification", async () => {
    const required = (field: string) => ({ path: field, message: `Invalid intent: ${field} is required` });
    const nothing = expectProblem(await postRaw("{}"), 422, "request.invalid");
    expect(nothing.errors).toEqual([required("intent_type"), required("tenant_id"), required("session_id")]);
    for (const field of ["intent_type", "session_id", "tenant_id"]) {
      for (const value of ["", undefined, null, 7, {}]) {
        const answer = await client.call({
          method: "POST",
          path: "/intent/submit",
          body: submission({ [field]: value }),
        });
        const problem = expectProblem(answer, 422, "request.invalid");
        expect(problem.errors).toEqual([required(field)]);
        expect(problem.detail).toContain(`Invalid intent: ${field} is required`);
      }
    }
  });

  it("says which field is too long, on every route that takes one", async () => {
    const long = "x".repeat(200);
    for (const field of ["intent_type", "session_id", "tenant_id", "intent_id"]) {
      const answer = await client.call({ method: "POST", path: "/intent/submit", body: submission({ [field]: long }) });
      expect(expectProblem(answer, 422, "request.invalid").errors).toMatchObject([{ path: field }]);
      expect(answer.text).not.toContain("is required");
    }
    const pending = await client.post(`/intent/pending/${long}/submit`, { session_id: long });
    expect(paths(pending)).toEqual(["session_id"]);
  });

  it("is 422 for an unknown intent type, telling which there are", async () => {
    for (const intent_type of ["content.nothing", "toString", "__proto__", "constructor", "content.", ".ingest_file"]) {
      const problem = expectProblem(await client.submit(submission({ intent_type })), 422, "intent.unknown_type");
      expect(problem.detail).toContain(`No handler found for intent type: ${intent_type}`);
      expect(problem.detail).toContain("content.ingest_file");
      expect(problem.errors).toMatchObject([{ path: "intent_type" }]);
    }
  });

  it.each([
    [{}, ["parameters.ui_name", "parameters.content_base64"]],
    [{ ui_name: "" }, ["parameters.ui_name", "parameters.content_base64"]],
    [{ ui_name: "a.csv", content_base64: "not base64!" }, ["parameters.content_base64"]],
    [{ ui_name: "a.csv", content_base64: 7 }, ["parameters.content_base64"]],
    [{ ui_name: "a.csv", ingestion_type: "ftp" }, ["parameters.ingestion_type"]],
    [{ ui_name: "a.csv", ingestion_type: "edi" }, ["parameters.edi_data", "parameters.partner_id"]],
    [{ ui_name: "a.csv", content_base64: "YQ==", api_payload: 1 }, ["parameters.api_payload"]],
    [{ ui_name: "a.csv", content_base64: "YQ==", extra: 1 }, ["parameters"]],
    [{ ui_name: "x".repeat(256), content_base64: "YQ==" }, ["parameters.ui_name"]],
    [{ ui_name: "a.csv", content_base64: "YQ==", mime_type: "text/csv\r\nset-cookie: a=b" }, ["parameters.mime_type"]],
    [{ ui_name: "a.csv", content_base64: "YQ==", mime_type: "tëxt" }, ["parameters.mime_type"]],
  ])("is 422 with the path of each bad parameter: %j", async (parameters, faulty) => {
    const submitted = await client.submit(submission({ parameters }));
    expectProblem(submitted, 422, "intent.bad_parameters");
    const onItsRoute = await client.post("/content/ingest_file", { session_id: client.sessionId, parameters });
    expectProblem(onItsRoute, 422, "request.invalid");
    for (const answer of [submitted, onItsRoute]) {
      expect(paths(answer)).toContain(faulty[0]);
      expect(faulty).toEqual(expect.arrayContaining(paths(answer) ?? []));
    }
  });

  it("is 404 in a session that is unknown, or another tenant's", async () => {
    const foreign = await connect(runtime.url, "globex");
    for (const session_id of ["session_none", foreign.sessionId, "' OR 1=1 --", "../acme"]) {
      expectProblem(await client.submit(submission({ session_id })), 404, "session.not_found");
    }
    expectProblem(await client.get(`/session/${foreign.sessionId}`), 404, "session.not_found");
  });

  it("is 404 or 409, and says why, for an artifact that is absent, foreign, or in the wrong state", async () => {
    const foreign = await readyFile(await connect(runtime.url, "globex"), "theirs.csv", "a\n1\n");
    const session_id = client.sessionId;
    for (const file_id of ["file_none", foreign.file_id]) {
      const answer = await client.post("/content/parse_content", { session_id, parameters: { file_id } });
      expectProblem(answer, 404, "artifact.not_found");
    }
    const ingested = await client.post("/content/ingest_file", { session_id, parameters: upload("a.csv", "a\n1\n") });
    const { file_id } = ingested.as(shapes.outcome).output;
    const early = await client.post("/content/parse_content", { session_id, parameters: { file_id } });
    expect(expectProblem(early, 409, "artifact.not_ready").detail).toContain("save_materialization");
    const { boundary_contract_id } = foreign;
    const unauthorized = await client.post("/content/save_materialization", {
      session_id,
      parameters: { file_id, boundary_contract_id },
    });
    expectProblem(unauthorized, 404, "boundary_contract.not_found");
  });
});

describe("a query that cannot be", () => {
  it.each([
    ["/executions", { limit: "0" }, "limit"],
    ["/executions", { limit: "1001" }, "limit"],
    ["/executions", { limit: "2.5" }, "limit"],
    ["/executions", { limit: "many" }, "limit"],
    ["/executions", { limit: "" }, "limit"],
    ["/executions", { status: "done" }, "status"],
    ["/executions", { cursor: "" }, "cursor"],
    ["/executions", { cursor: "nonsense" }, "cursor"],
    ["/executions", { cursor: "WyJhIl0" }, "cursor"],
    ["/wal", { limit: "-1" }, "limit"],
    ["/wal", { type: "everything" }, "type"],
    ["/wal", { order: "random" }, "order"],
    ["/wal", { from: "yesterday" }, "from"],
    ["/wal", { to: "2026-13-45T00:00:00Z" }, "to"],
    ["/wal", { cursor: "WzFd" }, "cursor"],
    ["/wal", { cursor: "%00" }, "cursor"],
    ["/wal", { tenant_id: "" }, "tenant_id"],
  ])("is 422 at %s with %j", async (path, query, faulty) => {
    const answer = await client.get(path, query);
    expectStatus(answer, 422);
    expect(paths(answer)).toEqual([faulty]);
  });

  it("is 422 for a filter that is given twice: neither is passed over in silence", async () => {
    const answer = await client.call({ path: `/executions?tenant_id=${client.tenantId}&status=dead&status=failed` });
    expectStatus(answer, 422);
    expect(paths(answer)).toEqual(["status"]);
  });

  it("is 422 for a filter that there is not: what is misspelt would be passed over in silence", async () => {
    const answer = await client.call({ path: `/executions?tenant_id=${client.tenantId}&statsu=dead` });
    expectProblem(answer, 422, "request.invalid");
    expect(paths(answer)).toEqual(["statsu"]);
    expect(answer.text).toContain("known are tenant_id, ");
  });

  it("is 422 for a cursor of another listing, and for a page in a body", async () => {
    await Promise.all(Array.from({ length: 3 }, () => client.accept(submission())));
    const { next_cursor = "" } = (await client.get("/executions", { limit: "1" })).as(shapes.executions);
    expect(next_cursor).not.toBe("");
    expectProblem(await client.get("/wal", { cursor: next_cursor }), 422, "cursor.invalid");
    expectProblem(await client.post("/artifact/list", { cursor: next_cursor }), 422, "cursor.invalid");
    for (const page of [{ limit: 0 }, { limit: 1_001 }, { limit: "5" }, { lifecycle_state: "GONE" }]) {
      expect(paths(await client.post("/artifact/list", page))).toEqual(Object.keys(page));
    }
  });

  it("finds nothing, and breaks nothing, with ids that no store would give", async () => {
    for (const id of ["'; DROP TABLE executions; --", "%00", "..%2f..", "ü", "%ff", "x".repeat(4_000)]) {
      for (const path of [`/execution/${id}/status`, `/execution/${id}/events`, `/artifacts/${id}`, `/session/${id}`]) {
        const answer = await client.get(path);
        expect({ id, path, status: answer.status }).toEqual({ id, path, status: 404 });
      }
    }
    expect((await client.get("/wal", { execution_id: "none", session_id: "'" })).text).toBe('{"entries":[]}');
  });
});

describe("a caller who goes away", () => {
  it("in the middle of an answer, a stream or a wait does no harm", async () => {
    const { file_id } = await readyFile(client, "long.csv", `a,b\n${"1,2\n".repeat(40_000)}`);
    const parse = submission({ intent_type: "content.parse_content", parameters: { file_id } });
    const headers = { authorization: `Bearer ${client.token}`, "content-type": "application/json" };
    const id = await client.accept(parse);
    const leave = async (path: string, body?: object) => {
      const gone = new AbortController();
      const request = fetch(`${runtime.url}${path}`, {
        headers,
        signal: gone.signal,
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      });
      setTimeout(() => gone.abort(), 15);
      await request.then((response) => response.text()).catch(() => undefined);
    };
    await Promise.all([
      leave(`/execution/${id}/events?tenant_id=acme`),
      leave(`/artifacts/${file_id}/payload?tenant_id=acme`),
      leave("/content/parse_content", parse),
      leave("/intent/submit", parse),
    ]);
    const statuses = await client.allEnded();
    expect(statuses.get(id)).toBe("completed");
    expect((await send(runtime.url, { path: "/health/ready" })).status).toBe(200);
  });
});

it("has logged no unexpected error in all of this, and still works", async () => {
  await client.allEnded();
  const { intent_type: _, ...body } = submission();
  expectStatus(await client.post("/content/ingest_file", body), 200);
  const exit = await runtime.stop();
  expect(exit.code).toBe(0);
  expect(exit.stderr).not.toContain('"severity":"ERROR"');
});
