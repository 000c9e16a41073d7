import * as z from "zod";

import { asId } from "../../ids.ts";
import { PENDING_STATUSES, pendingIntentSchema } from "../../intents/pending-intent.ts";
import { jsonObject } from "../../json.ts";
import type { RuntimeServices } from "../../services.ts";
import { addEndpoint } from "../endpoint.ts";
import { idempotencyHeader, idempotencyKeyIn } from "../idempotency-key.ts";
import type { Router } from "../router.ts";
import { anyId, cursorOf, pageBody, tenantId } from "../wire.ts";
import { acceptedAnswer } from "./execution-view.ts";
import { accepted } from "./intents.ts";

const tag = "pending intents";
const stub = z.object({ intent_id: z.string(), status: z.enum(PENDING_STATUSES) });

/** Intents that wait for a person or a later session. */
export function addPendingIntentRoutes(router: Router, { pendingIntents, adapters }: RuntimeServices): void {
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/intent/pending/create",
      role: "submitter",
      tag,
      summary: "Leave an intent for later",
      body: z.strictObject({
        tenant_id: tenantId,
        intent_type: anyId,
        target_artifact_id: anyId,
        context: jsonObject
          .default({})
          .describe("what is known so far; members that the intent's input knows become parameters"),
        session_id: anyId.optional(),
        user_id: anyId.optional(),
      }),
      answers: { 201: { description: "it waits", schema: stub } },
      problems: [404, 413],
    },
    async ({ body, tenantId: tenant }) => {
      const pending = await pendingIntents.create({
        tenantId: tenant,
        intentType: body.intent_type,
        targetArtifactId: body.target_artifact_id,
        context: body.context,
        sessionId: body.session_id,
        userId: body.user_id,
      });
      return { status: 201, json: { intent_id: pending.intent_id, status: pending.status } };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/intent/pending/list",
      role: "viewer",
      tag,
      summary: "List waiting intents, newest first",
      body: z.strictObject({
        tenant_id: tenantId,
        target_artifact_id: anyId.optional(),
        intent_type: anyId.optional(),
        status: z.enum(PENDING_STATUSES).optional(),
        ...pageBody,
      }),
      answers: {
        200: {
          description: "a page",
          schema: z.object({
            intents: z.array(pendingIntentSchema),
            total: z.int(),
            next_cursor: z.string().optional(),
          }),
        },
      },
    },
    async ({ body, tenantId: tenant }) => {
      const filter = { target: body.target_artifact_id, type: body.intent_type, status: body.status };
      const page = await pendingIntents.list(tenant, filter, body);
      return { status: 200, json: { intents: page.items, total: page.total, ...cursorOf(page) } };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/intent/pending/{id}/submit",
      role: "submitter",
      tag,
      summary: "Take a waiting intent up, in any session of its tenant",
      description: "One that asks about a dead execution, `runtime.revive_execution`, wants the role operator.",
      body: z.strictObject({ tenant_id: tenantId, session_id: anyId, parameters: jsonObject.default({}) }),
      headers: [idempotencyHeader("execution")],
      answers: { 202: { description: "accepted", schema: acceptedAnswer } },
      problems: [404, 409, 503],
    },
    async ({ body, params, tenantId: tenant, userId, roles, trace, request }) => {
      const { execution } = await pendingIntents.submit(params["id"] ?? "", {
        tenantId: tenant,
        userId,
        roles,
        sessionId: asId.session(body.session_id),
        parameters: body.parameters,
        idempotencyKey: idempotencyKeyIn(request.header("idempotency-key")),
        traceId: trace.traceId,
      });
      return accepted(execution);
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/intent/pending/{id}/cancel",
      role: "submitter",
      tag,
      summary: "Withdraw a waiting intent",
      description: "One that asks about a dead execution wants the role operator.",
      body: z.strictObject({ tenant_id: tenantId }),
      answers: { 200: { description: "it is cancelled", schema: stub } },
      problems: [404, 409],
    },
    async ({ params, tenantId: tenant, roles }) => {
      const cancelled = await pendingIntents.cancel(tenant, params["id"] ?? "", roles);
      return { status: 200, json: { intent_id: cancelled.intent_id, status: cancelled.status } };
    },
  );
}
