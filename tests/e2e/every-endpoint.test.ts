import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";

import { furnish } from "../kit/furnished-tenant.ts";
import { type Client, connect, createClient, expectProblem, expectStatus, send, shapes } from "./client.ts";
import { type Known, type Operation, readOperations, requestFor } from "./operations.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";
import { upload } from "./sample-files.ts";

const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let client: Client;

beforeAll(async () => {
  runtime = await runtimes.start();
  client = await connect(runtime.url);
});

describe("every endpoint of /openapi.json", () => {
  let operations: readonly Operation[];
  let known: Known;
  let foreign: Client;
  /** To be closed, so that the others are asked in a session that is alive. */
  let spareSession: string;
  const ours = ({ name }: Operation): Known =>
    name === "PATCH /session/{session_id}/close" ? { ...known, session_id: spareSession } : known;

  beforeAll(async () => {
    operations = await readOperations(runtime.url);
    foreign = await connect(runtime.url, "globex");
    spareSession = await client.newSession();
    ({ known } = await furnish(runtime.url, "acme", client.token));
  });

  it("is 401 without a token, and with one that is not good; but for the public ones, which know no tenant", async () => {
    const open: string[] = [];
    const other = await runtimes.start();
    const forged = await connect(other.url);
    for (const operation of operations) {
      const request = requestFor(operation, known);
      if (!operation.secured) {
        open.push(operation.name);
        continue;
      }
      expectProblem(await send(runtime.url, request), 401, "auth.no_token");
      const bad = [
        "",
        "Bearer",
        "Basic YTpi",
        "Bearer x.y.z",
        `Bearer ${client.token}x`,
        `Bearer ${forged.token}`,
        client.token,
      ];
      for (const authorization of bad) {
        const answer = await send(runtime.url, { ...request, headers: { authorization } });
        expect([answer.status, operation.name, authorization]).toEqual([401, operation.name, authorization]);
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      }
    }
    expect(open.toSorted()).toEqual(["GET /health", "GET /health/ready", "POST /dev/token"]);
  });

  it("is 404 with another tenant's token, and 404 for another tenant's ids under one's own name", async () => {
    for (const operation of operations.filter(({ secured }) => secured)) {
      const answer = await foreign.call(requestFor(operation, known));
      if (!operation.takesTenant) {
        expect([answer.status, operation.name]).toEqual([200, operation.name]);
        continue;
      }
      expect([operation.name, answer.status, answer.as(shapes.problem).code]).toEqual([
        operation.name,
        404,
        "tenant.not_found",
      ]);
      const disguised = await foreign.call(requestFor(operation, { ...known, tenant_id: "globex" }));
      const required = operation.body?.required ?? [];
      const namesMine = [...operation.pathParameters, ...required.filter((name) => /^(?!tenant).*_id$/.test(name))];
      if (namesMine.length > 0) {
        expect([operation.name, disguised.status]).toEqual([operation.name, 404]);
      } else {
        expect([operation.name, Math.floor(disguised.status / 100)]).toEqual([operation.name, 2]);
        for (const mine of [known["session_id"], known["execution_id"], known["artifact_id"], known["id"]]) {
          expect(disguised.text).not.toContain(mine);
        }
      }
    }
  });

  it("takes the same requests from the tenant itself", async () => {
    // No file here has a picture, the execution is completed and its plan has no such step or signal, and what was done to the
    // file before cannot be done twice.
    const exceptions = new Map([
      ["GET /artifacts/{artifact_id}/visual/{name}", 404],
      ["POST /execution/{execution_id}/cancel", 409],
      ["POST /execution/{execution_id}/fork", 422],
      ["POST /execution/{execution_id}/retry", 409],
      ["POST /execution/{execution_id}/signal/{name}", 409],
      ["POST /content/save_materialization", 409],
      ["POST /content/create_deterministic_embeddings", 404],
      ["POST /content/get_operation_status", 404],
      ["POST /content/archive_file", 404],
      ["POST /content/restore_file", 404],
      ["POST /content/delete_file", 404],
      // Of nothing here were deterministic embeddings made.
      ["POST /content/extract_embeddings", 404],
      // There is no such subject.
      ["POST /steward/erase_subject", 404],
      // It runs.
      ["DELETE /wasm/instances/{instance_id}", 400],
    ]);
    for (const operation of operations.filter(({ secured }) => secured)) {
      const answer = await client.call(requestFor(operation, ours(operation)));
      const exception = exceptions.get(operation.name);
      const told = { operation: operation.name, answer: answer.text };
      expect({ ...told, status: answer.status < 300 ? "done" : answer.status }).toEqual({
        ...told,
        status: exception ?? "done",
      });
      // It fails, as the contract of its file was ended above, and gives the pending intent back, to be cancelled: until then that is 409.
      if (operation.name === "POST /intent/pending/{id}/submit") await client.allEnded();
    }
  });

  it("never answers 5xx, whatever is in its path and query", async () => {
    const word = fc.oneof(
      fc.string({ unit: "binary", maxLength: 20 }),
      fc.constantFrom("true", "-1", "1e400", "\u0000", "WzFd"),
    );
    for (const operation of operations.filter(({ method }) => method === "GET")) {
      const names = [...operation.queryParameters, "other"];
      const queries = fc.dictionary(fc.constantFrom(...names), word, { maxKeys: 3 });
      await fc.assert(
        fc.asyncProperty(fc.array(word, { minLength: 2, maxLength: 2 }), queries, async (ids, query) => {
          let index = 0;
          const path = operation.path.replace(/\{\w+\}/g, () => encodeURIComponent(ids[(index += 1) - 1] ?? ""));
          const answer = await client.get(path, query);
          expect(answer.status, `${path} ${JSON.stringify(query)}: ${answer.text}`).toBeLessThan(500);
        }),
        { numRuns: 40 },
      );
    }
  });

  it("never answers 5xx, whatever JSON it gets", async () => {
    const leaf = fc.oneof(
      fc.jsonValue({ stringUnit: "binary", maxDepth: 3 }),
      fc.constantFrom<unknown>(
        "",
        "\ud800",
        "\u0000",
        "x".repeat(5_000),
        1e308,
        -0,
        [],
        {},
        null,
        "__proto__",
        "../..",
        "%00",
      ),
    );
    const changes = fc.dictionary(fc.string({ maxLength: 12, unit: "binary" }), leaf, { maxKeys: 3 });
    for (const operation of operations.filter(({ body }) => body !== undefined)) {
      const request = requestFor(operation, ours(operation));
      const names = Object.keys(operation.body?.properties ?? {});
      const parameters = Object.keys(operation.body?.properties?.["parameters"]?.properties ?? {});
      const mutated = fc
        .tuple(
          fc.array(fc.tuple(fc.constantFrom(...names), leaf), { maxLength: 3 }),
          fc.array(fc.tuple(fc.constantFrom(...parameters, "none"), leaf), { maxLength: 3 }),
          changes,
        )
        .map(([members, inner, extra]) => {
          const valid = request.body as { readonly parameters?: object };
          return {
            ...valid,
            ...(valid.parameters === undefined
              ? {}
              : { parameters: { ...valid.parameters, ...Object.fromEntries(inner) } }),
            ...extra,
            ...Object.fromEntries(members),
          };
        });
      await fc.assert(
        fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: mutated }, { weight: 1, arbitrary: leaf }), async (body) => {
          const raw = JSON.stringify(body);
          const answer = await client.call({ method: operation.method, path: request.path, raw });
          expect(answer.status, `${operation.name} ${raw}: ${answer.text}`).toBeLessThan(500);
          if (answer.status >= 400) expect(answer.as(shapes.problem).status).toBe(answer.status);
        }),
        { numRuns: 60 },
      );
    }
  });

  it("has logged no unexpected error in all of this, and still works", async () => {
    await client.allEnded();
    const answer = await client.post("/content/ingest_file", {
      session_id: await client.newSession(),
      parameters: upload("last.csv", "a\n1\n"),
    });
    expectStatus(answer, 200);
    const exit = await runtime.stop();
    expect(exit.code).toBe(0);
    expect(exit.stderr.split("\n").filter((line) => line.includes('"severity":"ERROR"'))).toEqual([]);
  });
});

it("a token of yesterday is refused when its key is gone", async () => {
  const first = await runtimes.start();
  const { token } = await connect(first.url);
  await first.stop();
  const other = await runtimes.start();
  expectProblem(await createClient(other.url, "acme", token).get("/wal"), 401, "auth.bad_token");
});
