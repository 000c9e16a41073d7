import { asId } from "../../ids.ts";
import type { RuntimeServices } from "../../services.ts";
import { checked } from "../checked-input.ts";
import { createEventIntake } from "../event-intake.ts";
import { jsonAnswer } from "../http-answer.ts";
import { parseJson } from "../json-body.ts";
import { pushedMessage, pushEnvelope } from "../push-envelope.ts";
import { createPushProof } from "../push-proof.ts";
import type { Router } from "../router.ts";

/** A message of Pub/Sub has at most 10 MB, which are 14 MB in base64: a larger one would never get as far as the dead letters. */
const MAX_PUSH_BYTES = 16 * 1024 * 1024;
/** Where push subscriptions post to; functions-framework, too, reads the topic from there. */
const PUSH_PATH = "/projects/{project}/topics/{topic}";

/**
 * Takes pushes of Pub/Sub. 200 acknowledges, for accepted, duplicate and dead-lettered messages alike; 503 asks for it again;
 * 400 and 401 are for what is no push of Pub/Sub. Never 202, which Pub/Sub takes for a failure. Nothing is read before it is proven whose it is.
 * `stays` answers only once the execution is done here, for a process that works while it is asked something only.
 */
export function addPushRoute(router: Router, services: RuntimeServices, { stays = false } = {}): void {
  const intake = createEventIntake(services);
  const proof = createPushProof(services.adapters);
  router.route("POST", PUSH_PATH, async ({ request }) => {
    await proof.fromOurs(request.header("authorization"));
    const envelope = checked(parseJson(await request.bytes(MAX_PUSH_BYTES)), pushEnvelope);
    const outcome = await intake.take(pushedMessage(envelope));
    if (stays && outcome.outcome !== "dead_lettered")
      await services.lifecycle.idle(asId.execution(outcome.execution_id));
    return jsonAnswer(outcome);
  });
}
