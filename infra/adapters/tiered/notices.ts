import * as z from "zod";

import { asId, type ExecutionId, type Ids, idSchemas, type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import { type JsonObject, jsonObject } from "../../../shared/json.ts";
import type { Acceptance, ExecutionStore, Mail, OutboxMessage } from "../../../shared/ports/execution-store.ts";

/** The ordering key of what one tier has for the other; the relay never sees it. */
export const NOTICES = "$tiers";

const openingSchema = z.object({ session_id: idSchemas.session, intent_type: z.string(), created_ms: z.number() });

const jsonBody: z.ZodType<JsonObject> = jsonObject;

/** What one tier commits for the other, in its outbox: it is as durable as the commit, and delivered at least once. */
const noticeSchema = z.discriminatedUnion("kind", [
  /** A fast execution changed. */
  z.object({
    kind: z.literal("archive"),
    tenant_id: z.string(),
    execution_id: idSchemas.execution,
    status: z.string(),
    terminal: z.boolean(),
    opening: openingSchema.optional(),
  }),
  /** Mail from an execution of the one tier to an execution of the other. */
  z.object({
    kind: z.literal("mail"),
    tenant_id: z.string(),
    execution_id: idSchemas.execution,
    mail_id: z.string(),
    body: jsonBody,
  }),
]);
export type Notice = Readonly<z.infer<typeof noticeSchema>>;
export type ArchiveNotice = Extract<Notice, { readonly kind: "archive" }>;

export type MessageOf = (tenantId: TenantId, notice: Notice) => OutboxMessage;

export function noticeMessages(ids: Pick<Ids, "event">): MessageOf {
  return (tenantId, notice) => ({
    eventId: ids.event(),
    tenantId,
    topic: NOTICES,
    orderingKey: NOTICES,
    attributes: {},
    data: JSON.stringify(notice),
  });
}

export function openingOf({ sessionId, intentType, createdMs }: Acceptance): ArchiveNotice["opening"] {
  return { session_id: sessionId, intent_type: intentType, created_ms: createdMs };
}

export function mailNotice(tenantId: TenantId, { mailId, executionId, body }: Mail): Notice {
  return { kind: "mail", tenant_id: tenantId, execution_id: executionId, mail_id: mailId, body };
}

export function mailOf({ execution_id, mail_id, body }: Extract<Notice, { readonly kind: "mail" }>): Mail {
  return { mailId: mail_id, executionId: asId.execution(execution_id), body };
}

export function refOf({ tenant_id, execution_id }: Notice): { tenantId: TenantId; executionId: ExecutionId } {
  return { tenantId: trustedTenantId(tenant_id), executionId: execution_id };
}

/** The oldest notices of a tier, at most so many, each with the message that carries it; other messages are passed over. */
export async function readNotices(store: ExecutionStore, limit: number) {
  const others = new Set<string>();
  for (;;) {
    const messages = await store.unpublished(limit, [...others]);
    const found = messages.filter(({ orderingKey }) => orderingKey === NOTICES);
    if (found.length > 0 || messages.length === 0) {
      return found.map(({ eventId, data }) => ({ eventId, notice: noticeSchema.parse(JSON.parse(data)) }));
    }
    for (const { orderingKey } of messages) others.add(orderingKey);
  }
}
