import * as z from "zod";

import { rfc3339 } from "../../clock.ts";
import { asId } from "../../ids.ts";
import { jsonObject } from "../../json.ts";
import type { RuntimeServices } from "../../services.ts";
import type { SessionView } from "../../sessions/session-service.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { tenantId } from "../wire.ts";

const sessionAnswer = z.object({
  session_id: z.string(),
  tenant_id: z.string(),
  user_id: z.string().optional(),
  is_anonymous: z.boolean(),
  status: z.enum(["active", "closed", "expired"]),
  context: jsonObject,
  metadata: jsonObject,
  active_sagas: z.array(z.string()),
  created_at: z.string(),
  updated_at: z.string(),
  expires_at: z.string(),
});

const tag = "sessions";

/** Sessions: what every intent needs one of. */
export function addSessionRoutes(router: Router, { sessions, admission, adapters }: RuntimeServices): void {
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/session/create",
      role: "submitter",
      tag,
      summary: "Create a session",
      description: "Without a user_id the session is anonymous. It lives for 24 hours after its last use.",
      body: z.strictObject({
        tenant_id: tenantId,
        user_id: z.string().min(1).max(256).optional(),
        context: jsonObject.default({}),
        metadata: jsonObject.default({}),
      }),
      answers: { 201: { description: "the session", schema: sessionAnswer } },
      problems: [413, 429, 503],
    },
    async ({ body, tenantId: tenant, userId: caller, trace }) => {
      const { headers: limits } = await admission.session({ tenantId: tenant, caller, traceId: trace.traceId });
      const { user_id: userId, context, metadata } = body;
      const view = await sessions.create({ tenantId: tenant, userId, context, metadata, traceId: trace.traceId });
      return {
        status: 201,
        json: sessionJson(view),
        headers: { location: `/session/${view.session.session_id}`, ...limits },
      };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/session/{session_id}",
      role: "viewer",
      tag,
      summary: "Read a session",
      query: z.object({ tenant_id: tenantId }),
      answers: { 200: { description: "the session", schema: sessionAnswer } },
      problems: [404],
    },
    async ({ params, tenantId: tenant }) => {
      return { status: 200, json: sessionJson(await sessions.view(tenant, sessionIn(params))) };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "patch",
      path: "/session/{session_id}",
      role: "submitter",
      tag,
      summary: "Merge into a session's context",
      body: z.strictObject({ tenant_id: tenantId, context: jsonObject }),
      answers: { 200: { description: "the session", schema: sessionAnswer } },
      problems: [404, 409, 413],
    },
    async ({ body, params, tenantId: tenant, trace }) => {
      const view = await sessions.mergeContext(tenant, sessionIn(params), body.context, trace.traceId);
      return { status: 200, json: sessionJson(view) };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "patch",
      path: "/session/{session_id}/upgrade",
      role: "submitter",
      tag,
      summary: "Make an anonymous session a user's",
      body: z.strictObject({
        tenant_id: tenantId,
        user_id: z.string().min(1).max(256),
        metadata: jsonObject.default({}),
      }),
      answers: { 200: { description: "the session", schema: sessionAnswer } },
      problems: [404, 409, 413],
    },
    async ({ body, params, tenantId: tenant, trace }) => {
      const upgrade = { userId: body.user_id, metadata: body.metadata };
      const view = await sessions.upgrade(tenant, sessionIn(params), upgrade, trace.traceId);
      return { status: 200, json: sessionJson(view) };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "patch",
      path: "/session/{session_id}/close",
      role: "submitter",
      tag,
      summary: "Close a session",
      description: "It takes no more intents and no changes; what it had accepted goes on.",
      body: z.strictObject({ tenant_id: tenantId }),
      answers: { 200: { description: "the session", schema: sessionAnswer } },
      problems: [404, 409],
    },
    async ({ body: _, params, tenantId: tenant, trace }) => {
      return { status: 200, json: sessionJson(await sessions.close(tenant, sessionIn(params), trace.traceId)) };
    },
  );
}

function sessionIn(params: Readonly<Record<string, string>>) {
  return asId.session(params["session_id"] ?? "");
}

function sessionJson({ session, status, expiresAtMs, activeSagas }: SessionView): z.input<typeof sessionAnswer> {
  const { chain: _, ...facts } = session;
  return { ...facts, status, active_sagas: [...activeSagas], expires_at: rfc3339(expiresAtMs) };
}
