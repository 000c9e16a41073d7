import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { type Answer, expectNothingInternal, send } from "../e2e/client.ts";
import { type RuntimeProcess, runtimeProcesses } from "../e2e/runtime-process.ts";
import { furnish } from "./production.ts";
import { hostileText, hostileValue, type JsonSchema, mutated, valid } from "./schema-arbitrary.ts";

/**
 * Every endpoint, by its own OpenAPI document: whatever it is sent, it answers with a declared status and as its schema says,
 * and never with 500. `FUZZ_SEED` repeats a run, `FUZZ_RUNS` lengthens it.
 */
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 40);
const AT_THE_MOST_MS = 3_000;

const runtimes = runtimeProcesses();
let runtime: RuntimeProcess;
let token: string;
let known: Readonly<Record<string, unknown>>;
let endpoints: readonly Endpoint[];

interface Endpoint {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly body: JsonSchema | undefined;
  /** By status, and `default`. */
  readonly answers: ReadonlyMap<string, Checked>;
}
interface Checked {
  readonly contentType: string | undefined;
  readonly schema: z.ZodType | undefined;
}
interface Sent {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly raw?: string;
}

const schema = z.custom<JsonSchema>((value) => typeof value === "object");
const content = z.record(z.string(), z.object({ schema })).optional();
const openApi = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        parameters: z.array(z.object({ name: z.string(), in: z.string(), schema })).default([]),
        requestBody: z.object({ content }).optional(),
        responses: z.record(z.string(), z.object({ content })),
      }),
    ),
  ),
});

beforeAll(async () => {
  runtime = await runtimes.start();
  const issued = await send(runtime.url, { method: "POST", path: "/dev/token", body: { tenant_id: "acme" } });
  ({ token } = issued.as(z.object({ token: z.string() })));
  const furnished = await furnish(runtime.url, "acme", token);
  known = { ...furnished.known, intent_type: "content.parse_content", content_type: "text/csv", filename: "a.csv" };
  const { paths } = (await send(runtime.url, { path: "/openapi.json" })).as(openApi);
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters, requestBody, responses }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content?.["application/json"]?.schema,
      answers: new Map(
        Object.entries(responses).map(([status, answer]) => {
          const [declared] = Object.entries(answer.content ?? {});
          const isJson = declared?.[0].endsWith("json") === true;
          const checked = isJson ? z.fromJSONSchema(declared?.[1].schema as z.core.JSONSchema.JSONSchema) : undefined;
          return [status, { contentType: declared?.[0], schema: checked }];
        }),
      ),
    })),
  );
  // What uses up the session and the waiting intent comes last.
  const isLast = ({ path }: Endpoint): boolean => /\/(?:close|cancel)$/.test(path);
  endpoints = all.toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)));
});

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
/** As a URL takes it: a half character is none. */
const escaped = (value: unknown): string => encodeURIComponent(text(value).toWellFormed());

/** Requests to an endpoint, from valid to hostile. */
function requestsTo({ path, parameters, body }: Endpoint): fc.Arbitrary<Sent> {
  const values = fc.tuple(
    ...parameters.map(({ name, in: place, schema: of }) => {
      const right = valid(of, known).map(text);
      const usual = name in known ? fc.oneof({ weight: 2, arbitrary: fc.constant(text(known[name])) }, right) : right;
      const value = fc.oneof({ weight: 5, arbitrary: usual }, { weight: 1, arbitrary: hostileText });
      const absent = place !== "path" && name !== "tenant_id";
      return fc.tuple(fc.constant({ name, place }), absent ? fc.option(value, { nil: undefined }) : value);
    }),
  );
  const right = body === undefined ? fc.constant(undefined) : valid(body, known);
  const bodies = fc.oneof(
    { weight: 4, arbitrary: right.map((value) => JSON.stringify(value)) },
    { weight: 5, arbitrary: mutated(right).map((value) => JSON.stringify(value) ?? "") },
    { weight: 1, arbitrary: hostileValue.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  );
  return fc.tuple(values, bodies).map(([all, raw]) => {
    const given = all.filter(([, value]) => value !== undefined);
    const at = (place: string) => given.filter(([parameter]) => parameter.place === place);
    const filled = at("path").reduce(
      (whole, [{ name }, value]) => whole.replace(`{${name}}`, () => escaped(value)),
      path,
    );
    const query = at("query").map(([{ name }, value]) => `${name}=${escaped(value)}`);
    const headers = at("header").map(([{ name }, value]) => [
      name,
      String(value).replaceAll(/[^\t\u0020-\u007e]/g, "?"),
    ]);
    return {
      path: `${filled}?${query.join("&")}`,
      // Nobody is to be waited for here.
      headers: { ...Object.fromEntries(headers), prefer: "respond-async" },
      ...(body === undefined || raw === undefined ? {} : { raw }),
    };
  });
}

function expectDeclared({ answers }: Endpoint, { status, headers, text: said }: Answer): void {
  expect(status).not.toBe(500);
  const answer = answers.get(String(status)) ?? (status >= 400 ? answers.get("default") : undefined);
  expect(answer, `${status} is not declared`).toBeDefined();
  if (answer?.contentType !== undefined && status !== 200)
    expect(headers.get("content-type")).toContain(answer.contentType);
  if (answer?.schema === undefined) return;
  const parsed = answer.schema.safeParse(JSON.parse(said));
  expect(parsed.error?.issues ?? []).toEqual([]);
  expectNothingInternal(said);
}

describe("every endpoint, fuzzed by its own document", () => {
  it(`never answers 500, and always as it declares (FUZZ_SEED=${seed})`, async () => {
    const taken = new Set<string>();
    for (const endpoint of endpoints) {
      let answered = 0;
      await fc.assert(
        fc.asyncProperty(requestsTo(endpoint), async (request) => {
          const answer = await send(runtime.url, {
            method: endpoint.method,
            ...request,
            headers: { ...request.headers, authorization: `Bearer ${token}`, "content-type": "application/json" },
          });
          answered += 1;
          if (answer.status < 300) taken.add(endpoint.name);
          const told = `${endpoint.name} ${JSON.stringify(request)}: ${answer.status} ${answer.text.slice(0, 500)}`;
          try {
            expectDeclared(endpoint, answer);
          } catch (cause) {
            throw new Error(told, { cause });
          }
        }),
        { seed, numRuns, plugins: [fc.interruptAfterTimeLimit(AT_THE_MOST_MS)] },
      );
      expect({ endpoint: endpoint.name, answered: answered > 0 }).toEqual({ endpoint: endpoint.name, answered: true });
    }
    expect(taken.size, `only ${[...taken].join(", ")} ever took a request`).toBeGreaterThan(endpoints.length / 2);
  }, 120_000);

  it("has logged no unexpected error in all of this", async () => {
    const exit = await runtime.stop();
    expect(exit.code).toBe(0);
    expect(exit.stderr.split("\n").filter((line) => line.includes('"severity":"ERROR"'))).toEqual([]);
  });
});
