import { UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { includesRole, type Role, ROLES } from "../../shared/roles.ts";
import { expectProblem, send, shapes } from "../e2e/client.ts";
import { type Known, type Operation, readOperations, requestFor } from "../e2e/operations.ts";
import { type RuntimeProcess, runtimeProcesses } from "../e2e/runtime-process.ts";
import { type Issuer, openIssuer } from "./issuer.ts";
import { furnish } from "../kit/furnished-tenant.ts";
import { claimsOf, startProduction } from "../kit/production.ts";

/** Who may do what, at a process in production mode, for every endpoint of /openapi.json. */
const runtimes = runtimeProcesses();
let issuer: Issuer;
let runtime: RuntimeProcess;
let operations: readonly Operation[];
let secured: readonly Operation[];
let known: Known;
/** To be closed, so that the rest of the walk has a session that is alive. */
let spareSession: string;

beforeAll(async () => {
  issuer = await openIssuer();
  runtime = await startProduction(runtimes, issuer);
  operations = await readOperations(runtime.url);
  secured = operations.filter(({ role }) => role !== undefined);
  const { client, known: all } = await furnish(runtime.url, "acme", await issuer.sign(claimsOf("acme", ["operator"])));
  known = all;
  spareSession = await client.newSession();
});
afterAll(async () => issuer[Symbol.asyncDispose]());

const ask = (operation: Operation, authorization: string | undefined, about: Known = known) =>
  send(runtime.url, {
    ...requestFor(operation, about),
    ...(authorization === undefined ? {} : { headers: { authorization } }),
  });
const nowSeconds = () => Math.floor(Date.now() / 1_000);

describe("every endpoint", () => {
  it("needs a token and a role, but for health", () => {
    const open = operations.filter(({ role }) => role === undefined).map(({ name }) => name);
    expect(open.toSorted()).toEqual(["GET /health", "GET /health/ready"]);
    expect(secured.length).toBeGreaterThan(20);
  });

  it("is 401 for each fault of a token, whatever role it claims", async () => {
    const all = claimsOf("acme", ROLES);
    const good = await issuer.sign(all);
    const [head, , signature] = good.split(".");
    await using stranger = await openIssuer();
    const payload = Buffer.from(JSON.stringify({ ...claimsOf("globex", ROLES), iss: issuer.url })).toString(
      "base64url",
    );
    const unsecured = new UnsecuredJWT(all).setIssuer(issuer.url).setAudience("symphainy").setExpirationTime("1h");
    const faulty: Readonly<Record<string, string | undefined>> = {
      none: undefined,
      empty: "Bearer ",
      basic: "Basic YTpi",
      expired: `Bearer ${await issuer.sign(all, { expires: nowSeconds() - 60 })}`,
      "never expiring": `Bearer ${await issuer.sign(all, { expires: null })}`,
      "wrong issuer": `Bearer ${await issuer.sign(all, { issuer: "https://issuer.example" })}`,
      "wrong audience": `Bearer ${await issuer.sign(all, { audience: "others" })}`,
      "alg none": `Bearer ${unsecured.encode()}`,
      tampered: `Bearer ${head}.${payload}.${signature}`,
      "other key": `Bearer ${await stranger.sign(all, { issuer: issuer.url })}`,
      "other key of the same name": `Bearer ${await stranger.sign(all, { issuer: issuer.url, keyId: "key-1-ES256" })}`,
      "without a tenant": `Bearer ${await issuer.sign({ sub: "ada", app_metadata: { roles: ROLES } })}`,
      "of dev mode": `Bearer ${new UnsecuredJWT(all).setIssuer("symphainy-dev").encode()}`,
    };
    for (const operation of secured) {
      for (const [fault, authorization] of Object.entries(faulty)) {
        const { status, headers } = await ask(operation, authorization);
        const told = { operation: operation.name, fault };
        expect({ ...told, status }).toEqual({ ...told, status: 401 });
        expect(headers.get("www-authenticate")).toBe("Bearer");
      }
    }
  });

  it("is 404 for each role of another tenant, and of none", async () => {
    for (const roles of [...ROLES.map((role) => [role]), [], ROLES]) {
      const authorization = `Bearer ${await issuer.sign(claimsOf("globex", roles))}`;
      for (const operation of secured.filter(({ takesTenant }) => takesTenant)) {
        const told = `${operation.name} as ${roles.join(", ")}`;
        const answer = await ask(operation, authorization);
        expect([told, answer.status, answer.as(shapes.problem).code]).toEqual([told, 404, "tenant.not_found"]);
      }
    }
  });

  it("is 403 in one's own tenant without the role, and not with it", async () => {
    for (const roles of [[], ["platform"], ["viewer"], ["submitter"], ["operator"]] as const satisfies Role[][]) {
      const authorization = `Bearer ${await issuer.sign(claimsOf("acme", roles))}`;
      for (const operation of secured) {
        const told = { operation: operation.name, roles };
        const closes = operation.name === "PATCH /session/{session_id}/close";
        const about = closes ? { ...known, session_id: spareSession } : known;
        const answer = await ask(operation, authorization, about);
        if (!includesRole(roles, operation.role ?? "platform")) {
          expectProblem(answer, 403, "auth.role_missing");
          expect(answer.as(shapes.problem)).toMatchObject({ details: { role: operation.role } });
          continue;
        }
        // What is asked for twice, or of a completed execution, is refused for its state.
        const expected = answer.status < 300 ? "done" : answer.status;
        expect({ ...told, expected, text: answer.text }).toEqual({
          ...told,
          expected: expect.toBeOneOf(["done", ...(STATE_REFUSES[operation.name] ?? [])]),
          text: answer.text,
        });
      }
    }
  });

  it("has no dev tokens in production", async () => {
    const answer = await send(runtime.url, { method: "POST", path: "/dev/token", body: { tenant_id: "acme" } });
    expectProblem(answer, 404, "request.no_such_endpoint");
  });
});

/** The instance runs still, or is gone. No file here has a picture, and the execution is completed and its plan has no such step or signal. */
const STATE_REFUSES: Readonly<Record<string, readonly number[]>> = {
  "DELETE /wasm/instances/{instance_id}": [400, 404],
  "GET /artifacts/{artifact_id}/visual/{name}": [404],
  "PATCH /session/{session_id}/close": [409],
  "POST /execution/{execution_id}/cancel": [409],
  "POST /execution/{execution_id}/fork": [422],
  "POST /execution/{execution_id}/retry": [409],
  "POST /execution/{execution_id}/signal/{name}": [409],
  "POST /content/save_materialization": [409],
  // There is no such file, parsed data or operation.
  "POST /content/archive_file": [404],
  "POST /content/create_deterministic_embeddings": [404],
  "POST /content/delete_file": [404],
  "POST /content/get_operation_status": [404],
  "POST /content/restore_file": [404],
  // Of nothing here were deterministic embeddings made.
  "POST /content/extract_embeddings": [404],
  // What another role has described already.
  "POST /steward/describe_content": [409],
  // There is no such subject.
  "POST /steward/erase_subject": [404],
  "POST /intent/pending/{id}/cancel": [409],
  "POST /intent/pending/{id}/submit": [409],
};

it("has logged no unexpected error in all of this", async () => {
  const exit = await runtime.stop();
  expect(exit.code).toBe(0);
  expect(exit.stderr.split("\n").filter((line) => line.includes('"severity":"ERROR"'))).toEqual([]);
});
