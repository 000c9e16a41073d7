import * as z from "zod";

import { type Role, ROLES } from "../../shared/roles.ts";
import { send } from "./client.ts";

/** As much of JSON Schema as the runtime's own schemas use. */
interface Schema {
  readonly type?: string | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown;
  readonly oneOf?: readonly Schema[] | undefined;
  readonly items?: Schema | undefined;
  readonly minItems?: number | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly minLength?: number | undefined;
  readonly minimum?: number | undefined;
}

const schema: z.ZodType<Schema> = z.lazy(() =>
  z.looseObject({
    type: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    const: z.unknown().optional(),
    oneOf: z.array(schema).optional(),
    items: schema.optional(),
    minItems: z.number().optional(),
    properties: z.record(z.string(), schema).optional(),
    required: z.array(z.string()).optional(),
    minLength: z.number().optional(),
    minimum: z.number().optional(),
  }),
);
const operation = z.object({
  summary: z.string(),
  security: z.array(z.object({ bearer: z.tuple([z.enum(ROLES)]) })),
  parameters: z
    .array(z.object({ name: z.string(), in: z.string(), required: z.boolean().optional(), schema: schema.optional() }))
    .default([]),
  requestBody: z.object({ content: z.record(z.string(), z.object({ schema })) }).optional(),
  responses: z.record(z.string(), z.unknown()),
});
const openApi = z.object({ paths: z.record(z.string(), z.record(z.string(), operation)) });

/** One endpoint as /openapi.json tells it. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly secured: boolean;
  /** The least role that may call it; undefined for everybody. */
  readonly role: Role | undefined;
  readonly takesTenant: boolean;
  readonly pathParameters: readonly string[];
  readonly queryParameters: readonly string[];
  readonly body: Schema | undefined;
}

export async function readOperations(url: string): Promise<Operation[]> {
  const { paths } = (await send(url, { path: "/openapi.json" })).as(openApi);
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, found]) => {
      const named = (place: string) => found.parameters.filter((one) => one.in === place).map((one) => one.name);
      const body = found.requestBody?.content["application/json"]?.schema;
      const method = verb.toUpperCase();
      return {
        name: `${method} ${path}`,
        method,
        path,
        secured: found.security.length > 0,
        role: found.security[0]?.bearer[0],
        takesTenant: named("query").includes("tenant_id") || body?.properties?.["tenant_id"] !== undefined,
        pathParameters: named("path"),
        queryParameters: named("query"),
        body,
      };
    }),
  );
}

export type Known = Readonly<Record<string, unknown>>;

/** The smallest value that the schema allows, with what is known for members of these names. */
export function exampleOf(of: Schema, known: Known): unknown {
  if (of.const !== undefined) return of.const;
  if (of.enum !== undefined) return of.enum[0];
  if (of.oneOf?.[0] !== undefined) return exampleOf(of.oneOf[0], known);
  switch (of.type) {
    case "object":
      return Object.fromEntries(
        (of.required ?? []).map((name) => [
          name,
          name in known ? known[name] : exampleOf(of.properties?.[name] ?? {}, known),
        ]),
      );
    case "array":
      return Array.from({ length: of.minItems ?? 0 }, () => exampleOf(of.items ?? {}, known));
    case "string":
      return "x".repeat(of.minLength ?? 1);
    case "integer":
    case "number":
      return of.minimum ?? 1;
    case "boolean":
      return true;
    default:
      return {};
  }
}

/** A valid request for an endpoint: the known ids in its path, the tenant in its query or body. */
export function requestFor({ method, path, pathParameters, queryParameters, body }: Operation, known: Known) {
  const filled = pathParameters.reduce(
    (text, name) =>
      text.replace(`{${name}}`, encodeURIComponent(String(known[`${path} ${name}`] ?? known[name] ?? "none"))),
    path,
  );
  const query = queryParameters.includes("tenant_id") ? `?tenant_id=${String(known["tenant_id"])}` : "";
  const extra = known[`${method} ${path}`];
  const content =
    body === undefined ? undefined : { ...(exampleOf(body, known) as object), ...(extra as object | undefined) };
  return { method, path: `${filled}${query}`, ...(content === undefined ? {} : { body: content }) };
}
