import * as z from "zod";

import { RuntimeError } from "../errors.ts";
import { HANDED_ON, handedOnSchema } from "../executions/shift.ts";
import { asId } from "../ids.ts";
import { sha256 } from "../json.ts";
import type { RuntimeServices } from "../services.ts";
import { traceFrom } from "../trace.ts";
import { checked } from "./checked-input.ts";
import { type IncomingEvent, readCloudEvent } from "./cloud-event.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { tooLarge } from "./http-request.ts";
import type { PushedMessage } from "./push-envelope.ts";
import { createPushProof } from "./push-proof.ts";
import { intentBody } from "./routes/intents.ts";

/** What became of a message; each of them is for good, so the message is acknowledged. */
export type IntakeOutcome =
  | { readonly outcome: "accepted"; readonly execution_id: string; readonly duplicate: boolean }
  | { readonly outcome: "resumed"; readonly execution_id: string }
  | { readonly outcome: "dead_lettered"; readonly code: string; readonly reason: string };

/**
 * Takes intents in that producers publish.
 *  I1  A message is acknowledged only after it is an execution, or is in the dead-letter topic with its reason.
 *  I2  One event is one execution: its source and id are the idempotency key, however often and to however many copies it comes.
 *  I3  What can succeed later is repeated, what cannot is not: no producer can make a message come for ever.
 *  I4  Whoever calls it has proven that the push is from our Pub/Sub (`push-proof.ts`).
 * Throws a retryable RuntimeError (503) for what is to be repeated.
 */
export interface EventIntake {
  take(message: PushedMessage): Promise<IntakeOutcome>;
}

export function createEventIntake({ adapters, config, lifecycle, recovery, catalog }: RuntimeServices): EventIntake {
  const proof = createPushProof(adapters);
  const deadLetters = createDeadLetters(adapters.bus);

  const takeIntent = async (event: IncomingEvent) => {
    const body = checked(event.data, eventBody);
    if (body.intent_type !== undefined && catalog.find(body.intent_type)?.type !== catalog.find(event.type)?.type) {
      throw new RuntimeError(
        "event.other_type",
        `An event of ${event.type} cannot be an intent of ${body.intent_type}.`,
        {
          status: 422,
        },
      );
    }
    const principal = await proof.speaksFor(body.tenant_id);
    const { execution, fresh } = await lifecycle.submit({
      tenantId: principal.tenantId,
      userId: principal.userId,
      // Whoever may publish may submit; what needs more needs a token that says it.
      roles: ["submitter", ...principal.roles],
      intentType: event.type,
      sessionId: asId.session(body.session_id),
      parameters: body.parameters,
      metadata: body.metadata,
      solutionId: body.solution_id,
      intentId: body.intent_id,
      idempotencyKey: `event/${sha256(JSON.stringify([event.source, event.id]))}`,
      traceId: traceFrom(event.traceparent, adapters.ids).traceId,
    });
    return { outcome: "accepted", execution_id: execution.execution_id, duplicate: !fresh } as const;
  };

  /** Our own functions publish it as producers do their events: a hint may make nobody work who could not publish here. */
  const resume = async (event: IncomingEvent) => {
    const { tenant_id, execution_id } = checked(event.data, handedOnSchema);
    const { tenantId } = await proof.speaksFor(tenant_id);
    await recovery.resume({ tenantId, executionId: asId.execution(execution_id) });
    return { outcome: "resumed", execution_id } as const;
  };

  return {
    take: async (message) => {
      try {
        if (message.data.length > config.maxBodyBytes) throw tooLarge(config.maxBodyBytes);
        const event = readCloudEvent(message);
        if (event.type === HANDED_ON) return await resume(event);
        return await takeIntent(event);
      } catch (error) {
        if (!isPermanent(error)) throw retryable(error);
        const { code, reason } = await deadLetters.bury(message, error);
        adapters.logger.warn("a message cannot become an execution; it is a dead letter now", {
          message_id: message.messageId,
          subscription: message.subscription,
          error_code: code,
          error: reason,
        });
        return { outcome: "dead_lettered", code, reason };
      }
    },
  };
}

/** What the data of an event that is an intent consists of; a producer may say more in it than concerns us. */
export const eventBody = z.object({
  ...intentBody.shape,
  intent_type: z.string().min(1).optional(),
  subject_id: z
    .never("does not go with an event: what a bus keeps cannot be erased, so a subject's data come over HTTP")
    .optional(),
});

/** Whether it would fail the same way for ever. */
function isPermanent(error: unknown): error is RuntimeError {
  return error instanceof RuntimeError && !error.retryable && error.status < 500;
}

function retryable(error: unknown): RuntimeError {
  if (error instanceof RuntimeError && error.retryable) return error;
  return new RuntimeError("event.not_taken", "The event could not be taken right now; deliver it again.", {
    status: 503,
    retryable: true,
    cause: error,
  });
}
