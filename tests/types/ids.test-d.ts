import type { ExecutionId, SessionId, TenantId } from "../../shared/ids.ts";
import { asId, trustedTenantId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { SessionService } from "../../shared/sessions/session-service.ts";

/** Never run: that this file compiles, with each expected error, is the test. */
export async function idsDoNotMix(store: ExecutionStore, sessions: SessionService): Promise<void> {
  const tenantId: TenantId = trustedTenantId("acme");
  const sessionId: SessionId = asId.session("session_1");
  const executionId: ExecutionId = asId.execution("execution_1");

  await store.readExecution(tenantId, executionId);
  await sessions.view(tenantId, sessionId);

  // @ts-expect-error -- a plain string is no proof of a tenant
  await store.readExecution("acme", executionId);
  // @ts-expect-error -- a plain string is no execution's id
  await store.readExecution(tenantId, "execution_1");
  // @ts-expect-error -- a session's id is no execution's id
  await store.readExecution(tenantId, sessionId);
  // @ts-expect-error -- an execution's id is no session's id
  await sessions.view(tenantId, executionId);
  // @ts-expect-error -- tenant and session do not change places
  await sessions.view(sessionId, tenantId);
  // @ts-expect-error -- a session's id is no tenant
  await store.listExecutions(sessionId, {}, { limit: 1 });
  // @ts-expect-error -- a filter by session takes no execution's id
  await store.listExecutions(tenantId, { sessionId: executionId }, { limit: 1 });

  const text: string = executionId;
  // @ts-expect-error -- once it is a plain string, it is an id no more
  await store.readExecution(tenantId, text);
}
