import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { TokenVerifier } from "../ports/token-verifier.ts";
import { expectRole, type Role } from "../roles.ts";
import type { TraceContext } from "../trace.ts";
import { readBody, readQuery } from "./checked-input.ts";
import type { EndpointSpec, PublicEndpointSpec } from "./endpoint-spec.ts";
import { type HttpAnswer, jsonAnswer } from "./http-answer.ts";
import type { HttpRequest } from "./http-request.ts";
import { authenticate, provenTenant } from "./principal.ts";
import type { Router } from "./router.ts";

/** Longer than any id or name that there is; a store may not even look for one that long. */
const MAX_PATH_PART_CHARS = 256;

/** A request that anybody may make. */
export interface PublicCall<Body> {
  readonly body: Body;
  readonly request: HttpRequest;
}

/** A request that passed every check of its endpoint. */
export interface Call<Body, Query> extends PublicCall<Body> {
  readonly query: Query;
  readonly params: Readonly<Record<string, string>>;
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly roles: readonly Role[];
  readonly trace: TraceContext;
}

export interface Reply {
  readonly status: number;
  readonly json: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler<Body, Query> = (call: Call<Body, Query>) => Promise<Reply | HttpAnswer>;

/** Adds an endpoint behind a token whose tenant is the request's: there is no other way to reach tenants' data. */
export function addEndpoint<Body, Query>(
  router: Router,
  tokens: TokenVerifier,
  spec: EndpointSpec<Body, Query>,
  handle: Handler<Body, Query>,
): void {
  router.endpoints.push({ spec, role: spec.role });
  router.route(spec.method.toUpperCase(), spec.path, async ({ request, params, trace }) => {
    const principal = await authenticate(request.header("authorization"), tokens);
    const body = await bodyOf(request, spec, router.maxBodyBytes);
    const query = spec.query === undefined ? (undefined as Query) : readQuery(request, spec.query);
    const claimed = tenantNamedIn(body) ?? tenantNamedIn(query) ?? principal.tenantId;
    const tenantId = provenTenant(principal, claimed);
    // After the tenant: of another tenant's things not even the role that they need is told.
    expectRole(principal.roles, spec.role);
    for (const part of Object.values(params)) if (part.length > MAX_PATH_PART_CHARS) throw noSuchThing();
    const { userId, roles } = principal;
    return toAnswer(await handle({ body, query, params, tenantId, userId, roles, trace, request }));
  });
}

/** Adds an endpoint that anybody may call: it serves no tenant's data. */
export function addPublicEndpoint<Body>(
  router: Router,
  spec: PublicEndpointSpec<Body, undefined>,
  handle: (call: PublicCall<Body>) => Promise<Reply>,
): void {
  router.endpoints.push({ spec, role: undefined });
  router.route(spec.method.toUpperCase(), spec.path, async ({ request }) =>
    toAnswer(await handle({ body: await bodyOf(request, spec, router.maxBodyBytes), request })),
  );
}

async function bodyOf<Body>(
  request: HttpRequest,
  { body }: PublicEndpointSpec<Body, never> | PublicEndpointSpec<Body, unknown>,
  maxBytes: number,
): Promise<Body> {
  return body === undefined ? (undefined as Body) : readBody(request, body, maxBytes);
}

function noSuchThing(): RuntimeError {
  return new RuntimeError("request.id_too_long", `Nothing has an id of more than ${MAX_PATH_PART_CHARS} characters.`, {
    status: 404,
  });
}

function tenantNamedIn(source: unknown): string | undefined {
  if (typeof source !== "object" || source === null || !("tenant_id" in source)) return undefined;
  return typeof source.tenant_id === "string" ? source.tenant_id : undefined;
}

function toAnswer(reply: Reply | HttpAnswer): HttpAnswer {
  return "json" in reply ? jsonAnswer(reply.json, reply.status, reply.headers) : reply;
}
