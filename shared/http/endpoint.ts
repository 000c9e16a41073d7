import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import * as z from "zod";

import { type FieldFault, RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { TokenVerifier } from "../ports/token-verifier.ts";
import type { Role } from "../roles.ts";
import { type TraceContext, traceparent } from "../trace.ts";
import { parseJson } from "./json-body.ts";
import { authenticate, provenTenant, requireRole } from "./principal.ts";
import { problemSchema } from "./problem.ts";

/** Longer than any id or name that there is; a store may not even look for one that long. */
const MAX_PATH_PART_CHARS = 256;

export interface HttpEnv {
  readonly Variables: {
    trace: TraceContext;
    /** Whether the answer carries its trace already. */
    traced?: boolean;
  };
}

/** An endpoint as data: who may call it, what it takes and answers, for the router and for OpenAPI alike. */
export interface EndpointSpec<Body, Query> extends PublicEndpointSpec<Body, Query> {
  /** The least role that may call it. */
  readonly role: Role;
}

/** What of an endpoint is the same where nobody needs a token. */
interface PublicEndpointSpec<Body, Query> {
  readonly method: "get" | "post" | "patch" | "delete";
  /** In OpenAPI's form, `/session/{session_id}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** A JSON body; where there is a tenant, it or the query names it in `tenant_id`. */
  readonly body?: z.ZodType<Body>;
  readonly query?: z.ZodType<Query>;
  readonly headers?: readonly { readonly name: string; readonly description: string }[];
  readonly answers: Readonly<Record<number, Answer>>;
  /** The statuses of the problems that it may answer, besides 401, 403, 404, 422 and 503. */
  readonly problems?: readonly number[];
}

export interface Answer {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly contentType?: string;
}

/** A request that passed every check of its endpoint. */
export interface Call<Body, Query> {
  readonly body: Body;
  readonly query: Query;
  readonly params: Readonly<Record<string, string>>;
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly roles: readonly Role[];
  readonly trace: TraceContext;
  readonly header: (name: string) => string | undefined;
  /** Scheme and host by which the caller reached this server. */
  readonly origin: () => string;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
}

/** Classes, because a getter written into an object for each request costs the engine a new shape for each. */
class PublicCall<Body> implements Pick<Call<Body, undefined>, "body" | "origin" | "signal"> {
  readonly body: Body;
  readonly #c: Context<HttpEnv>;

  constructor(c: Context<HttpEnv>, body: Body) {
    this.#c = c;
    this.body = body;
  }

  readonly origin = (): string => new URL(this.#c.req.url).origin;

  /** Made when it is asked for: it costs a whole native request. */
  get signal(): AbortSignal {
    return this.#c.req.raw.signal;
  }
}

class CheckedCall<Body, Query> extends PublicCall<Body> implements Call<Body, Query> {
  readonly query: Query;
  readonly params: Readonly<Record<string, string>>;
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly roles: readonly Role[];
  readonly trace: TraceContext;
  readonly header: (name: string) => string | undefined;

  constructor(
    c: Context<HttpEnv>,
    {
      body,
      query,
      params,
      tenantId,
      userId,
      roles,
    }: Pick<Call<Body, Query>, "body" | "query" | "params" | "tenantId" | "userId" | "roles">,
  ) {
    super(c, body);
    this.query = query;
    this.params = params;
    this.tenantId = tenantId;
    this.userId = userId;
    this.roles = roles;
    this.trace = c.get("trace");
    this.header = (name) => c.req.header(name);
  }
}

export interface Reply {
  readonly status: number;
  readonly json: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler<Body, Query> = (call: Call<Body, Query>) => Promise<Reply | Response>;

export type Router = OpenAPIHono<HttpEnv>;

/** Adds an endpoint behind a token whose tenant is the request's: there is no other way to reach tenants' data. */
export function addEndpoint<Body, Query>(
  router: Router,
  tokens: TokenVerifier,
  spec: EndpointSpec<Body, Query>,
  handle: Handler<Body, Query>,
): void {
  describe(router, spec, spec.role);
  router.on(spec.method.toUpperCase(), honoPath(spec.path), async (c) => {
    const principal = await authenticate(c.req.header("authorization"), tokens);
    const body = await readBody(c, spec.body);
    const query = readQuery(c, spec.query);
    const claimed = tenantNamedIn(body) ?? tenantNamedIn(query) ?? principal.tenantId;
    const tenantId = provenTenant(principal, claimed);
    // After the tenant: of another tenant's things not even the role that they need is told.
    requireRole(principal, spec.role);
    const params: Readonly<Record<string, string>> = c.req.param();
    for (const part of Object.values(params)) if (part.length > MAX_PATH_PART_CHARS) throw noSuchThing();
    const call = new CheckedCall(c, {
      body,
      query,
      params,
      tenantId,
      userId: principal.userId,
      roles: principal.roles,
    });
    return toResponse(await handle(call), c);
  });
}

/** Adds an endpoint that anybody may call: it serves no tenant's data. */
export function addPublicEndpoint<Body>(
  router: Router,
  spec: PublicEndpointSpec<Body, undefined>,
  handle: (call: Pick<Call<Body, undefined>, "body" | "origin" | "signal">) => Promise<Reply | Response>,
): void {
  describe(router, spec, undefined);
  router.on(spec.method.toUpperCase(), honoPath(spec.path), async (c) => {
    const body = await readBody(c, spec.body);
    return toResponse(await handle(new PublicCall(c, body)), c);
  });
}

function describe(
  router: Router,
  spec: PublicEndpointSpec<never, never> | PublicEndpointSpec<unknown, unknown>,
  role: Role | undefined,
): void {
  const names = [...spec.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
  const problem = { "application/problem+json": { schema: problemSchema } };
  const problems = [
    ...(role === undefined ? [] : [401, 403, 404, 503]),
    ...(spec.body === undefined && spec.query === undefined ? [] : [422]),
    ...(spec.problems ?? []),
  ];
  router.openAPIRegistry.registerPath({
    method: spec.method,
    path: spec.path,
    tags: [spec.tag],
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    security: role === undefined ? [] : [{ bearer: [role] }],
    request: {
      ...(names.length === 0 ? {} : { params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) }),
      ...(spec.query === undefined ? {} : { query: spec.query as unknown as z.ZodObject }),
      ...(spec.headers === undefined
        ? {}
        : {
            headers: z.object(
              Object.fromEntries(
                spec.headers.map(({ name, description }) => [name, z.string().optional().describe(description)]),
              ),
            ),
          }),
      ...(spec.body === undefined
        ? {}
        : { body: { required: true, content: { "application/json": { schema: spec.body } } } }),
    },
    responses: {
      ...Object.fromEntries(
        Object.entries(spec.answers).map(([status, { description, schema, contentType = "application/json" }]) => [
          status,
          { description, ...(schema === undefined ? {} : { content: { [contentType]: { schema } } }) },
        ]),
      ),
      ...Object.fromEntries(
        [...new Set(problems)].map((status) => [status, { description: "problem", content: problem }]),
      ),
      default: { description: "any other problem", content: problem },
    },
  });
}

function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}

async function readBody<Body>(c: Context, schema: z.ZodType<Body> | undefined): Promise<Body> {
  if (schema === undefined) return undefined as Body;
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(type)) {
    throw new RuntimeError("request.not_json", "Send JSON, with content-type: application/json.", { status: 415 });
  }
  return checked(parseJson(await c.req.arrayBuffer()), schema);
}

function noSuchThing(): RuntimeError {
  return new RuntimeError("request.id_too_long", `Nothing has an id of more than ${MAX_PATH_PART_CHARS} characters.`, {
    status: 404,
  });
}

function readQuery<Query>(c: Context, schema: z.ZodType<Query> | undefined): Query {
  if (schema === undefined) return undefined as Query;
  // One of several would be taken, and the others passed over in silence.
  const faults = Object.entries(c.req.queries())
    .filter(([, values]) => values.length > 1)
    .map(([path]) => ({ path, message: "is given more than once" }));
  if (faults.length > 0) {
    throw new RuntimeError("request.invalid", `${faults[0]?.path}: is given more than once`, { status: 422, faults });
  }
  return checked(c.req.query(), schema);
}

/** The value as the schema makes it. Throws `request.invalid` (422) with every fault. */
export function checked<Value>(value: unknown, schema: z.ZodType<Value>): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults: FieldFault[] = parsed.error.issues.map((issue) => ({
    path: issue.path.join("."),
    message: issue.message,
  }));
  const first = faults[0];
  const detail =
    faults.length === 1 && first !== undefined
      ? `${first.path || "the body"}: ${first.message}`
      : `The request has ${faults.length} faults.`;
  throw new RuntimeError("request.invalid", detail, { status: 422, faults });
}

function tenantNamedIn(source: unknown): string | undefined {
  if (typeof source !== "object" || source === null || !("tenant_id" in source)) return undefined;
  return typeof source.tenant_id === "string" ? source.tenant_id : undefined;
}

/** With headers as a plain object: a server writes them as they are, where Headers would be built, sorted and walked. */
function toResponse(reply: Reply | Response, c: Context<HttpEnv>): Response {
  if (reply instanceof Response) return reply;
  c.set("traced", true);
  const headers = {
    "content-type": "application/json",
    traceparent: traceparent(c.get("trace").traceId),
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    ...reply.headers,
  };
  return new Response(JSON.stringify(reply.json), { status: reply.status, headers });
}
