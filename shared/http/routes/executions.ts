import * as z from "zod";

import { EXECUTION_STATUSES } from "../../executions/execution.ts";
import { loadHead } from "../../executions/stored-execution.ts";
import { asId } from "../../ids.ts";
import type { RuntimeServices } from "../../services.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { anyId, cursorOf, flag, pageQuery, tenantId } from "../wire.ts";
import { createExecutionView, executionAnswer, executionSummary, summaryJson } from "./execution-view.ts";
import { eventStream } from "./event-stream.ts";
import { readPreference } from "./prefer.ts";

const tag = "executions";
const MAX_STEP_NAME_CHARS = 512;

/** Reading executions: one, many, and one as it happens. */
export function addExecutionRoutes(router: Router, services: RuntimeServices): void {
  const { lifecycle, adapters, catalog } = services;
  const view = createExecutionView(services);

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/execution/{execution_id}/status",
      role: "viewer",
      tag,
      summary: "Read an execution",
      description: "With `Prefer: wait=N` once it has ended or waits for a person, or as it is after N seconds.",
      query: z.object({
        tenant_id: tenantId,
        include_artifacts: flag,
        include_events: flag,
        step: z
          .string()
          .min(1)
          .max(MAX_STEP_NAME_CHARS)
          .optional()
          .describe("only this step, its outputs however large"),
      }),
      headers: [{ name: "Prefer", description: "`wait=<seconds>` for the end" }],
      answers: { 200: { description: "the execution", schema: executionAnswer } },
      problems: [404, 410],
    },
    async (call) => {
      const { params, query, tenantId: tenant } = call;
      const executionId = asId.execution(params["execution_id"] ?? "");
      const waitMs = readPreference(call.request.header("prefer"), 0);
      const execution =
        waitMs === 0
          ? await lifecycle.get(tenant, executionId)
          : await lifecycle.wait(tenant, executionId, waitMs, () => call.request.signal);
      const include = { artifacts: query.include_artifacts, events: query.include_events, step: query.step };
      return { status: 200, json: await view.full(tenant, execution, include) };
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/execution/{execution_id}/events",
      role: "viewer",
      tag,
      summary: "Follow an execution's log entries as they are committed",
      description:
        "Server-sent events; `id` is the entry's sequence. Ends after the last entry of a terminal execution.",
      query: z.object({ tenant_id: tenantId }),
      headers: [{ name: "Last-Event-ID", description: "the sequence after which to go on" }],
      answers: { 200: { description: "the entries", contentType: "text/event-stream", schema: z.string() } },
      problems: [404],
    },
    async ({ params, tenantId: tenant, request }) => {
      const execution = await lifecycle.get(tenant, asId.execution(params["execution_id"] ?? ""));
      const last = Number(request.header("last-event-id") ?? "0");
      return eventStream(services, {
        tenantId: tenant,
        execution,
        afterSequence: Number.isSafeInteger(last) ? last : 0,
        signal: request.signal,
      });
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "get",
      path: "/executions",
      role: "viewer",
      tag,
      summary: "List executions, newest first",
      query: z.object({
        tenant_id: tenantId,
        status: z.enum(EXECUTION_STATUSES).optional(),
        intent_type: anyId.optional(),
        session_id: anyId.optional(),
        ...pageQuery,
      }),
      answers: {
        200: {
          description: "a page",
          schema: z.object({ executions: z.array(executionSummary), next_cursor: z.string().optional() }),
        },
      },
    },
    async ({ query, tenantId: tenant }) => {
      const { status, intent_type, session_id } = query;
      const filter = {
        status,
        intentType: intent_type === undefined ? undefined : (catalog.find(intent_type)?.type ?? intent_type),
        sessionId: session_id === undefined ? undefined : asId.session(session_id),
      };
      const page = await adapters.store.listExecutions(tenant, filter, query);
      return {
        status: 200,
        json: { executions: page.items.map((head) => summaryJson(loadHead(head))), ...cursorOf(page) },
      };
    },
  );
}
