import * as z from "zod";

import type { Repeat } from "../../executions/execution-control.ts";
import { asId } from "../../ids.ts";
import { jsonObject, jsonValue } from "../../json.ts";
import type { RuntimeServices } from "../../services.ts";
import { addEndpoint, type Call } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { anyId, tenantId } from "../wire.ts";
import { idempotencyHeader, idempotencyKeyIn } from "../idempotency-key.ts";
import { acceptedAnswer } from "./execution-view.ts";
import { accepted } from "./intents.ts";

const tag = "executions";
const repeatSession = anyId.optional().describe("of the new execution; absent means the old one's, which may be over");
const answers = { 202: { description: "accepted", schema: acceptedAnswer } };

/** Turning executions back, signalling to them, repeating them. */
export function addExecutionControlRoutes(router: Router, { control, adapters }: RuntimeServices): void {
  const executionIn = (params: Readonly<Record<string, string>>) => asId.execution(params["execution_id"] ?? "");

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/execution/{execution_id}/cancel",
      role: "operator",
      tag,
      summary: "Cancel an execution",
      description: "Seen at its next commit. With `compensate` what it did is undone first; past its pivot it goes on.",
      body: z.strictObject({ tenant_id: tenantId, compensate: z.boolean().default(true) }),
      answers,
      problems: [404, 409],
    },
    async ({ body, params, tenantId: tenant }) =>
      accepted(await control.cancel(tenant, executionIn(params), body.compensate)),
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/execution/{execution_id}/signal/{name}",
      role: "submitter",
      tag,
      summary: "Signal to an execution",
      description:
        "Kept until the execution awaits it: a signal that comes early is not lost. The same `signal_id` is the same signal; of others of " +
        "one name the first counts. A payload has 128 KiB at the most; 429 `mailbox.full` while too much waits.",
      body: z.strictObject({
        tenant_id: tenantId,
        payload: jsonValue.optional(),
        signal_id: anyId.optional(),
      }),
      answers,
      problems: [404, 409, 413, 429],
    },
    async ({ body, params, tenantId: tenant }) => {
      const signal = { name: params["name"] ?? "", payload: body.payload ?? null, signalId: body.signal_id };
      return accepted(await control.signal(tenant, executionIn(params), signal));
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/execution/{execution_id}/retry",
      role: "operator",
      tag,
      summary: "Retry an execution that did not succeed",
      description:
        "A dead one goes on; a failed one is repeated from its failed step, a compensated or cancelled one from its start, as a new execution. " +
        "One that was repeated already, by what goes on or did succeed, is not repeated again: 409 `execution.retried`.",
      body: z.strictObject({ tenant_id: tenantId, session_id: repeatSession }),
      headers: [idempotencyHeader("execution")],
      answers,
      problems: [404, 409, 503],
    },
    async (call) => {
      const { execution } = await control.retry(call.tenantId, executionIn(call.params), repeatOf(call));
      return accepted(execution);
    },
  );

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/execution/{execution_id}/fork",
      role: "operator",
      tag,
      summary: "Begin a new execution at a step of this one",
      body: z.strictObject({
        tenant_id: tenantId,
        from_step: z.string().min(1),
        parameters: jsonObject.optional(),
        session_id: repeatSession,
      }),
      headers: [idempotencyHeader("execution")],
      answers,
      problems: [404, 409, 503],
    },
    async (call) => {
      const { body } = call;
      const repeat = { ...repeatOf(call), parameters: body.parameters };
      const { execution } = await control.fork(call.tenantId, executionIn(call.params), body.from_step, repeat);
      return accepted(execution);
    },
  );
}

function repeatOf(call: Call<{ readonly session_id?: string | undefined }, unknown>): Repeat {
  const { session_id } = call.body;
  return {
    userId: call.userId,
    roles: call.roles,
    sessionId: session_id === undefined ? undefined : asId.session(session_id),
    idempotencyKey: idempotencyKeyIn(call.request.header("idempotency-key")),
    traceId: call.trace.traceId,
  };
}
