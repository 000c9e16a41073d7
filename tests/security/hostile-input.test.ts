import { connect as connectSocket } from "node:net";

import { beforeAll, describe, expect, it } from "vitest";

import { type Client, connect, expectProblem, expectStatus, send, shapes } from "../e2e/client.ts";
import { type Operation, readOperations, requestFor } from "../e2e/operations.ts";
import { type RuntimeProcess, runtimeProcesses } from "../e2e/runtime-process.ts";
import { upload } from "../e2e/sample-files.ts";

const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;
let operations: readonly Operation[];

beforeAll(async () => {
  runtime = await runtimes.start();
  client = await connect(runtime.url);
  operations = await readOperations(runtime.url);
});

const submission = (change: object = {}) => ({
  tenant_id: "acme",
  session_id: client.sessionId,
  intent_type: "content.ingest_file",
  parameters: upload("a.csv", "a\n1\n"),
  ...change,
});
const postRaw = (path: string, raw: string) => client.call({ method: "POST", path, raw });

describe("an answer", () => {
  it("is never sniffed, and never kept by caches, whatever its status", async () => {
    for (const operation of operations) {
      for (const answer of [
        await client.call(requestFor(operation, { tenant_id: "acme" })),
        await send(runtime.url, requestFor(operation, { tenant_id: "acme" })),
      ]) {
        const { headers } = answer;
        const told = `${operation.name} ${answer.status}`;
        expect([told, headers.get("x-content-type-options"), headers.get("cache-control")]).toEqual([
          told,
          "nosniff",
          "no-store",
        ]);
      }
    }
  });

  it("that is a page runs no script and stands in no frame", async () => {
    const policy = (await send(runtime.url, { path: "/docs" })).headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("script-src");
  });
});

describe("a name that programs trip over", () => {
  it.each(["constructor", "prototype", "toString", "hasOwnProperty"])(
    "%s is a name as any other in what a tenant keeps, and changes nothing elsewhere",
    async (name) => {
      const hostile = `{"polluted":"yes","isAdmin":true}`;
      const raw = `{"tenant_id":"acme","context":{"${name}":${hostile},"kept":1},"metadata":{"${name}":${hostile}}}`;
      const created = await postRaw("/session/create", raw);
      expectStatus(created, 201);
      const { session_id, context } = created.as(shapes.session);
      expect(context["kept"]).toBe(1);
      expect(context["polluted"]).toBeUndefined();
      const other = (await client.post("/session/create", {})).as(shapes.session);
      expect(other.context).toEqual({});
      const merged = await client.call({
        method: "PATCH",
        path: `/session/${session_id}`,
        raw: `{"tenant_id":"acme","context":{"${name}":${hostile}}}`,
      });
      expectStatus(merged, 200);
      expectStatus(await client.get(`/session/${session_id}`), 200);
    },
  );

  it("is no intent, no status and no facet", async () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      expect((await client.submit(submission({ intent_type: name }))).status).toBe(422);
      expect((await client.get("/executions", { status: name })).status).toBe(422);
      expect((await client.post("/artifact/list", { eligible_for: name })).text).toContain('"artifacts":[]');
      expect((await client.get(`/execution/${name}/status`)).status).toBe(404);
    }
  });
});

describe("text that is none", () => {
  it.each(["\\ud800", "\\udfff", "a\\uD83Db", "\\udc00\\ud800"])("is 422 as a half character: %s", async (half) => {
    const raw = JSON.stringify(submission({ metadata: { note: "HALF" } })).replace("HALF", half);
    expectProblem(await postRaw("/intent/submit", raw), 422, "request.ill_formed_text");
    const named = JSON.stringify(submission({ metadata: { NAME: 1 } })).replace("NAME", half);
    expectProblem(await postRaw("/intent/submit", named), 422, "request.ill_formed_text");
  });

  it("is not what a pair of halves is, nor an escape that is escaped", async () => {
    const raw = JSON.stringify(submission({ metadata: { note: "HALF", "\\ud800": "\\udfff" } }));
    expectStatus(await postRaw("/intent/submit", raw.replace("HALF", "\\ud83d\\ude00")), 202);
  });

  it("tells look-alikes apart, as tenants, keys and ids", async () => {
    const [composed, decomposed] = ["caf\u00e9", "cafe\u0301"];
    const first = await client.accept(submission({ intent_id: composed }));
    const second = await client.accept(submission({ intent_id: decomposed }));
    expect(second).not.toBe(first);
    expect(await client.accept(submission({ intent_id: composed }))).toBe(first);
    for (const tenant_id of ["\u0430cme", "acme\u200b", "ACME", " acme", "acme\u0000"]) {
      expectProblem(await client.submit(submission({ tenant_id })), 404, "tenant.not_found");
    }
  });
});

describe("a header", () => {
  const key = (text: string) => client.submit(submission(), { "idempotency-key": text });

  it("with a key of other than printable ASCII is 422", async () => {
    for (const text of ["\t", "a\tb", "\u00e9", "x".repeat(256)]) {
      expectProblem(await key(text), 422, "request.invalid");
    }
    expectStatus(await key("a key, of ASCII~"), 202);
  });

  it("cannot be split into another one, and a line of the log cannot be split either", async () => {
    const raw = `POST /intent/submit HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\rX-Evil: 1\r\nConnection: close\r\n\r\n`;
    expect(await overSocket(raw)).toMatch(/^HTTP\/1\.1 400/);
    const line = '{"severity":"ERROR","message":"forged"}';
    for (const text of [`a\r\n${line}`, `a\u2028${line}`, `a\u0085${line}`]) {
      expectProblem(await client.submit(submission({ session_id: text })), 404, "session.not_found");
      expect((await client.get(`/execution/${encodeURIComponent(text)}/status`)).status).toBe(404);
    }
    expect(runtime.stderr()).not.toContain(`\n${line}`);
  });

  it("with a trace that is none starts a new one", async () => {
    for (const traceparent of ["00-xyz", `00-${"0".repeat(32)}-${"0".repeat(16)}-01`, "a".repeat(4_000), "00-\u00e9"]) {
      const answer = await client.call({ path: "/health", headers: { traceparent } });
      expect(answer.headers.get("traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(answer.headers.get("traceparent")).not.toContain("0".repeat(32));
    }
  });

  it("that is huge, or one of very many, is refused by the server", async () => {
    expect(await overSocket(`GET /health HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(100_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431/,
    );
  });
});

describe("an id", () => {
  it("that is huge is no id", async () => {
    const huge = "x".repeat(10_000);
    for (const path of [`/execution/${huge}/status`, `/artifacts/${huge}`, `/session/${huge}`]) {
      expect((await client.get(path)).status).toBe(404);
    }
    for (const [path, field] of [
      ["/artifact/resolve", "artifact_id"],
      ["/artifact/list", "artifact_type"],
      ["/intent/pending/list", "intent_type"],
    ] as const) {
      expectProblem(
        await client.post(path, { artifact_id: "a", artifact_type: "file", [field]: huge }),
        422,
        "request.invalid",
      );
    }
    expectProblem(await client.get("/wal", { session_id: huge }), 422, "request.invalid");
    expectProblem(await client.get("/executions", { cursor: huge }), 422, "request.invalid");
  });
});

describe("dev tokens", () => {
  it("are for names of this machine only: a page elsewhere cannot have its own name lead here", async () => {
    const body = '{"tenant_id":"acme"}';
    const ask = (host: string) =>
      overSocket(
        `POST /dev/token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "10.0.0.1"]) {
      expect(await ask(host)).toMatch(/^HTTP\/1\.1 403[^]*auth\.not_loopback/);
    }
    expect(await ask("localhost:8080")).toMatch(/^HTTP\/1\.1 200/);
  });

  it("have the roles that were asked for", async () => {
    const roles = ["viewer"];
    const issued = await send(runtime.url, { method: "POST", path: "/dev/token", body: { tenant_id: "acme", roles } });
    const { token } = JSON.parse(issued.text) as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    expectStatus(await send(runtime.url, { path: "/executions?tenant_id=acme", headers }), 200);
    const denied = await send(runtime.url, {
      method: "POST",
      path: "/session/create",
      body: { tenant_id: "acme" },
      headers,
    });
    expectProblem(denied, 403, "auth.role_missing");
  });
});

/** Sends bytes that no HTTP client would, and reads what comes back. */
async function overSocket(raw: string): Promise<string> {
  const { hostname, port } = new URL(runtime.url);
  const socket = connectSocket(Number(port), hostname);
  socket.write(raw);
  let text = "";
  try {
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.startsWith("HTTP/1.1 4") && text.includes("\r\n\r\n")) break;
    }
  } catch {
    // Cut off: what came before is the answer.
  }
  socket.destroy();
  return text;
}

it("has logged no unexpected error in all of this", async () => {
  await client.allEnded();
  const exit = await runtime.stop();
  expect(exit.stderr.split("\n").filter((line) => line.includes('"severity":"ERROR"'))).toEqual([]);
});
