import * as z from "zod";

import { jsonValue } from "../json.ts";
import type { Clock } from "../clock.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { Scene } from "./scene.ts";
import { hasTaken } from "./signal-limits.ts";

/** What may be in an execution's mailbox. */
export const mailBodySchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("signal"), name: z.string(), payload: jsonValue }),
  z.object({ kind: z.literal("cancel"), compensate: z.boolean() }),
  z.object({ kind: z.literal("child_ended"), step_name: z.string(), status: z.string() }),
  z.object({ kind: z.literal("retry") }),
]);
export type MailBody = z.infer<typeof mailBodySchema>;

/**
 * Takes what waits in the mailbox into the journal: read and recorded in one commit, so that nothing is lost or taken twice (ADR 0039).
 *  L1  A signal's id is taken once in the life of an execution, however often and however late it is sent again.
 *  L2  Of the ways to cancel that wait together the last that was asked for counts; the others are on record as refused.
 *  L3  What decides of a dead execution withdraws its question to people in the same commit, whoever sent it.
 */
export async function readMail({ store, surface, clock }: MailDeps, scene: Scene): Promise<void> {
  const { journal } = scene;
  const wasDead = journal.state.status === "dead";
  const { tenantId, executionId } = journal.owner;
  const letters = (await store.readMail(tenantId, executionId)).map(({ mailId, body }) => ({
    mailId,
    body: mailBodySchema.parse(body),
  }));
  const lastCancel = letters.findLast(({ body }) => body.kind === "cancel");
  for (const letter of letters) {
    journal.markRead(letter.mailId);
    recordMail(scene, letter.mailId, letter.body, letter === lastCancel);
  }
  if (wasDead && journal.state.status !== "dead") {
    const unit = new UnitOfWork(surface, tenantId, clock.now(), journal.uncommitted);
    const { settleQuestion } = await import("./revival-question.ts");
    await settleQuestion(unit, executionId, clock.now());
    journal.absorb(unit);
  }
  journal.mail = false;
  scene.awaited.clear();
}

export interface MailDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly clock: Clock;
}

function recordMail(scene: Scene, signalId: string, body: MailBody, isLastCancel: boolean): void {
  const { journal } = scene;
  switch (body.kind) {
    case "signal": {
      if (hasTaken(journal.state, signalId)) return;
      const payload = { kind: body.kind, signal_id: signalId, name: body.name, payload: body.payload };
      return journal.record({ event_type: "signal_received", payload });
    }
    case "cancel": {
      const effect = isLastCancel ? effectOfCancel(scene, body.compensate) : "refused";
      return journal.record({
        event_type: "signal_received",
        payload: { kind: body.kind, signal_id: signalId, effect },
      });
    }
    case "child_ended": {
      const payload = { kind: body.kind, signal_id: signalId, step_name: body.step_name, status: body.status };
      return journal.record({ event_type: "signal_received", payload });
    }
    case "retry":
      if (journal.state.status !== "dead") return;
      return journal.record({
        event_type: "signal_received",
        payload: { kind: body.kind, signal_id: signalId, epoch: journal.epoch },
      });
  }
}

/**
 * A saga that is turning back, or has passed its pivot, goes on. A dead one cannot turn back by itself: it waits for a person, who may
 * let it go on or give it up, but not its parent that turns back, nor one who asked before it died.
 */
function effectOfCancel({ state, pastPivot }: Scene, compensate: boolean): "compensate" | "stop" | "refused" {
  if (state.status === "dead") return compensate ? "refused" : "stop";
  if (state.status !== "running" || state.cancelled !== undefined || pastPivot) return "refused";
  return compensate ? "compensate" : "stop";
}
