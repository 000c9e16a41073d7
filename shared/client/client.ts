import { ambientHost, type ClientHost } from "./host.ts";
import type { Session, SessionOptions } from "./session.ts";
import { createTenant, type Tenant } from "./tenant.ts";
import { createTransport, type Token } from "./transport.ts";

export interface ClientOptions {
  /** Where the runtime is: `https://runtime.example`, with a path where it lies below one. */
  readonly baseUrl: string;
  /** A bearer token of the tenant, or what gives one for each call: tokens expire. */
  readonly token: Token;
  readonly fetch?: typeof fetch;
}

/** The runtime as one caller sees it, from Node and browsers alike. Every call throws a `ProblemError`. */
export interface Client {
  tenant(tenantId: string): Tenant;
  /** `tenant(tenantId).session(options)`. */
  session(tenantId: string, options?: SessionOptions): Session;
}

export function createClient(options: ClientOptions): Client {
  const host = ambientHost();
  return clientOn(options.fetch === undefined ? host : { ...host, fetch: options.fetch }, options);
}

/** As `createClient`, with time and randomness of the caller's. */
export function clientOn(host: ClientHost, { baseUrl, token }: ClientOptions): Client {
  const transport = createTransport({ baseUrl, token, host });
  const tenant = (tenantId: string): Tenant => createTenant(transport, tenantId);
  return { tenant, session: (tenantId, options) => tenant(tenantId).session(options) };
}

export { reference, type InputOf, type IntentLike, type IntentReference, type OutputOf } from "./intent-reference.ts";
export { ProblemError } from "./problem-error.ts";
export type { ExecutionHandle, RepeatOptions, WaitOptions } from "./execution-handle.ts";
export type { Session, SessionOptions, SubmitOptions } from "./session.ts";
export type { Tenant } from "./tenant.ts";
export type {
  Artifact,
  ArtifactSummary,
  ArtifactWithPayload,
  Execution,
  ExecutionStatus,
  ExecutionSummary,
  Failure,
  LogEntry,
  PendingIntent,
  SessionRecord,
  SettledExecution,
  Step,
} from "./wire-types.ts";
