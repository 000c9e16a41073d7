import fc from "fast-check";
import { expect } from "vitest";
import * as z from "zod";

import { type Answer, expectNothingInternal, send } from "../e2e/client.ts";
import type { Known } from "../e2e/operations.ts";
import { hostileText, hostileValue, type JsonSchema, mutated, valid } from "./schema-arbitrary.ts";

export interface Endpoint {
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

/** Every endpoint of a runtime as its own document tells of it; what uses up the session and the waiting intent comes last. */
export async function readEndpoints(url: string): Promise<readonly Endpoint[]> {
  const { paths } = (await send(url, { path: "/openapi.json" })).as(openApi);
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
  const isLast = ({ path }: Endpoint): boolean => /\/(?:close|cancel)$/.test(path);
  return all.toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)));
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
/** As a URL takes it: a half character is none. */
const escaped = (value: unknown): string => encodeURIComponent(text(value).toWellFormed());

/** Requests to an endpoint, from valid to hostile. */
export function requestsTo({ path, parameters, body }: Endpoint, known: Known): fc.Arbitrary<Sent> {
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

/** The answer has a status that the endpoint declares, is as the schema of that status says, and shows nothing of the inside. */
export function expectDeclared({ answers }: Endpoint, { status, headers, text: said }: Answer): void {
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
