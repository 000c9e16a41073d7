import type * as z from "zod";

import type { Role } from "../roles.ts";

/** An endpoint as data: who may call it, what it takes and answers, for the router and for OpenAPI alike. */
export interface EndpointSpec<Body, Query> extends PublicEndpointSpec<Body, Query> {
  /** The least role that may call it. */
  readonly role: Role;
}

/** What of an endpoint is the same where nobody needs a token. */
export interface PublicEndpointSpec<Body, Query> {
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

/** What the API's description tells of an endpoint. */
export interface DescribedEndpoint {
  readonly spec: PublicEndpointSpec<unknown, unknown>;
  /** The least role that may call it; undefined where anybody may. */
  readonly role: Role | undefined;
}
