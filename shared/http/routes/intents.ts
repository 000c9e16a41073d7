import * as z from "zod";

import { RuntimeError } from "../../errors.ts";
import type { Execution } from "../../executions/execution.ts";
import { asId } from "../../ids.ts";
import type { IntentDefinition } from "../../sagas/intent-definition.ts";
import { jsonObject } from "../../json.ts";
import type { RuntimeServices } from "../../services.ts";
import { subjectIdSchema } from "../../state/subjects.ts";
import { idempotencyHeader, idempotencyKeyIn } from "../idempotency-key.ts";
import { addEndpoint, type Call, type Reply } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { anyId, MAX_ID_CHARS } from "../wire.ts";
import { acceptedAnswer, acceptedJson, createExecutionView, outcomeAnswer } from "./execution-view.ts";
import { readPreference } from "./prefer.ts";

const required = (name: string) => {
  const message = `Invalid intent: ${name} is required`;
  return z.string({ error: message }).min(1, message).max(MAX_ID_CHARS, `must have at most ${MAX_ID_CHARS} characters`);
};

/** What a submission of a known type consists of. */
export const intentBody = z.strictObject({
  tenant_id: required("tenant_id").meta({ example: "acme" }),
  session_id: required("session_id"),
  parameters: jsonObject.default({}),
  solution_id: z.string().min(1).max(256).optional(),
  subject_id: subjectIdSchema.optional(),
  metadata: jsonObject.default({}),
  intent_id: anyId.optional().describe("your own id: the same id is the same intent"),
});
const submitBody = z.strictObject({ intent_type: required("intent_type"), ...intentBody.shape });

/** Submitting intents: of any type for an answer at once, and of one type on its own route for its result. */
export function addIntentRoutes(router: Router, services: RuntimeServices): void {
  const { lifecycle, catalog, adapters } = services;
  const view = createExecutionView(services);

  const submit = (type: string, call: Call<z.infer<typeof intentBody>, unknown>) => {
    const { body } = call;
    return lifecycle.submit({
      tenantId: call.tenantId,
      userId: call.userId,
      roles: call.roles,
      intentType: type,
      sessionId: asId.session(body.session_id),
      parameters: body.parameters,
      metadata: body.metadata,
      solutionId: body.solution_id,
      subjectId: body.subject_id,
      intentId: body.intent_id,
      idempotencyKey: idempotencyKeyIn(call.request.header("idempotency-key")),
      traceId: call.trace.traceId,
    });
  };

  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/intent/submit",
      role: "submitter",
      tag: "intents",
      summary: "Submit an intent",
      description: "Once this answers, the intent is durable: it reaches a terminal state, whatever dies.",
      body: submitBody,
      headers: [idempotencyHeader("execution")],
      answers: { 202: { description: "accepted", schema: acceptedAnswer } },
      problems: [404, 413, 429, 503],
    },
    async (call) => {
      const { execution, limits } = await submit(call.body.intent_type, call);
      return accepted(execution, limits);
    },
  );

  const addRoute = (definition: IntentDefinition): void => {
    addEndpoint(
      router,
      adapters.tokens,
      {
        method: "post",
        path: `/${definition.realm}/${definition.name}`,
        role: definition.role,
        tag: definition.realm,
        summary: definition.description,
        body: intentBody.extend({
          intent_type: z.literal(definition.type).optional().describe("may be said again"),
          parameters: parametersOf(definition),
        }),
        headers: [
          idempotencyHeader("execution"),
          { name: "Prefer", description: "`wait=<seconds>` for the result, `respond-async` for 202 at once" },
        ],
        answers: {
          200: { description: "completed", schema: outcomeAnswer.extend({ output: definition.output }) },
          202: { description: "accepted, and not ended within the wait", schema: acceptedAnswer },
        },
        problems: [404, 409, 413, 429, 503],
      },
      async (call) => {
        const { execution, limits } = await submit(definition.type, call);
        const budgetMs = readPreference(call.request.header("prefer"), services.config.waitBudgetMs);
        if (budgetMs === 0) return accepted(execution, limits);
        const ended = await lifecycle.wait(call.tenantId, execution.execution_id, budgetMs, () => call.request.signal);
        switch (ended.status) {
          case "completed":
            return { status: 200, json: await view.outcome(call.tenantId, ended), ...(limits && { headers: limits }) };
          case "failed":
          case "compensated":
          case "cancelled":
          case "dead":
            throw failed(ended);
          default:
            return accepted(ended, limits);
        }
      },
    );
  };
  for (const definition of catalog.definitions) addRoute(definition);
}

/** 202 with where to look, and with what the limits say. */
export function accepted(execution: Execution, limits?: Readonly<Record<string, string>>): Reply {
  const location = `/execution/${execution.execution_id}/status?tenant_id=${encodeURIComponent(execution.tenant_id)}`;
  return { status: 202, json: acceptedJson(execution), headers: { location, ...limits } };
}

/** The intent's own schema; absent parameters are checked as empty ones, so that each missing member is named. */
function parametersOf(definition: IntentDefinition) {
  return definition.input.prefault({});
}

function failed({ execution_id, status, error }: Execution): RuntimeError {
  return new RuntimeError(error?.code ?? `execution.${status}`, error?.message ?? `The execution is ${status}.`, {
    status: error?.status ?? 409,
    // It has ended: the same request would be told the same again. What helps is to retry the execution.
    retryable: false,
    details: {
      execution_id,
      status,
      ...(error?.step_name === undefined ? {} : { step_name: error.step_name }),
      ...error?.details,
    },
  });
}
