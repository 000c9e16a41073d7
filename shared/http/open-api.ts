import * as z from "zod";

import type { DescribedEndpoint } from "./endpoint-spec.ts";
import { problemSchema } from "./problem.ts";

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

/** The endpoints as an OpenAPI 3.1 document, made of the schemas that check the requests. */
export async function openApiDocument(info: ApiInfo, endpoints: readonly DescribedEndpoint[]) {
  // Loaded when somebody asks: an instance that starts has other things to do.
  const { OpenAPIRegistry, OpenApiGeneratorV31 } = await import("@asteasolutions/zod-to-openapi");
  const registry = new OpenAPIRegistry();
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer", bearerFormat: "JWT" });
  for (const endpoint of endpoints) registry.registerPath(pathOf(endpoint));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({ openapi: "3.1.0", info: { ...info } });
}

function pathOf({ spec, role }: DescribedEndpoint) {
  const { method, path, tag, summary, description, body, query, headers } = spec;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
  const problem = { "application/problem+json": { schema: problemSchema } };
  const problems = [
    ...(role === undefined ? [] : [401, 403, 404, 503]),
    ...(body === undefined && query === undefined ? [] : [422]),
    ...(spec.problems ?? []),
  ];
  return {
    method,
    path,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: role === undefined ? [] : [{ bearer: [role] }],
    request: {
      ...(names.length === 0 ? {} : { params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) }),
      ...(query === undefined ? {} : { query: query as z.ZodObject }),
      ...(headers === undefined
        ? {}
        : {
            headers: z.object(
              Object.fromEntries(headers.map((each) => [each.name, z.string().optional().describe(each.description)])),
            ),
          }),
      ...(body === undefined ? {} : { body: { required: true, content: { "application/json": { schema: body } } } }),
    },
    responses: {
      ...Object.fromEntries(
        Object.entries(spec.answers).map(
          ([status, { description: what, schema, contentType = "application/json" }]) => [
            status,
            { description: what, ...(schema === undefined ? {} : { content: { [contentType]: { schema } } }) },
          ],
        ),
      ),
      ...Object.fromEntries(
        [...new Set(problems)].map((status) => [status, { description: "problem", content: problem }]),
      ),
      default: { description: "any other problem", content: problem },
    },
  };
}
