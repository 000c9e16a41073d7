import { ambientHost } from "../../../shared/client/host.ts";
import type { Session } from "../../../shared/client/session.ts";
import { createTenant, type Tenant } from "../../../shared/client/tenant.ts";
import { createTransport, type Transport } from "../../../shared/client/transport.ts";

const KEPT = "symphainy.credentials";

/** Who looks: a bearer token and the tenant that it is for. Kept for as long as the tab is open. */
export interface Credentials {
  readonly tenantId: string;
  readonly token: string;
}

/** The runtime that this page came from, as one tenant sees it. */
export interface Connection {
  readonly tenantId: string;
  readonly transport: Transport;
  readonly tenant: Tenant;
  /** Where what is submitted here belongs; made when it is first needed. */
  readonly session: Session;
}

export function connect({ tenantId, token }: Credentials): Connection {
  const transport = createTransport({ baseUrl: location.origin, token, host: ambientHost() });
  const tenant = createTenant(transport, tenantId);
  return { tenantId, transport, tenant, session: tenant.session() };
}

/** Throws `tenant.not_found` where the token is not of this tenant: not every call names it. */
export async function proveTenant({ transport, tenantId }: Connection): Promise<void> {
  await transport.json({ path: "/executions", query: { tenant_id: tenantId, limit: 1 }, repeatable: true });
}

/** A token that dev mode hands out. Throws `request.no_such_endpoint` (404) anywhere else. */
export async function devToken(tenantId: string): Promise<string> {
  const transport = createTransport({ baseUrl: location.origin, token: "none", host: ambientHost() });
  const body = { tenant_id: tenantId };
  const call = { method: "POST", path: "/dev/token", body, repeatable: true } as const;
  return (await transport.json<{ token: string }>(call)).token;
}

export function keptCredentials(): Credentials | undefined {
  const kept = sessionStorage.getItem(KEPT);
  return kept === null ? undefined : (JSON.parse(kept) as Credentials);
}

export function keepCredentials(credentials: Credentials | undefined): void {
  if (credentials === undefined) sessionStorage.removeItem(KEPT);
  else sessionStorage.setItem(KEPT, JSON.stringify(credentials));
}
