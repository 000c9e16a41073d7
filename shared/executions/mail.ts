import * as z from "zod";

import { jsonValue } from "../json.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { Scene } from "./scene.ts";

/** What may be in an execution's mailbox. */
export const mailBodySchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("signal"), name: z.string(), payload: jsonValue }),
  z.object({ kind: z.literal("cancel"), compensate: z.boolean() }),
  z.object({ kind: z.literal("child_ended"), step_name: z.string(), status: z.string() }),
  z.object({ kind: z.literal("retry") }),
]);
export type MailBody = z.infer<typeof mailBodySchema>;

/** Takes what waits in the mailbox into the journal: read and recorded in one commit, so that nothing is lost or taken twice. */
export async function readMail(store: ExecutionStore, scene: Scene): Promise<void> {
  const { journal } = scene;
  const { tenantId, executionId } = journal.owner;
  for (const mail of await store.readMail(tenantId, executionId)) {
    journal.markRead(mail.mailId);
    recordMail(scene, mail.mailId, mailBodySchema.parse(mail.body));
  }
  journal.mail = false;
  scene.awaited.clear();
}

function recordMail(scene: Scene, signalId: string, body: MailBody): void {
  const { journal } = scene;
  switch (body.kind) {
    case "signal": {
      const payload = { kind: body.kind, signal_id: signalId, name: body.name, payload: body.payload };
      return journal.record({ event_type: "signal_received", payload });
    }
    case "cancel": {
      const effect = effectOfCancel(scene, body.compensate);
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

/** A saga that is turning back, or has passed its pivot, goes on; a dead one can only be given up. */
function effectOfCancel({ state, pastPivot }: Scene, compensate: boolean): "compensate" | "stop" | "refused" {
  if (state.status === "dead") return "stop";
  if (state.status !== "running" || pastPivot) return "refused";
  return compensate ? "compensate" : "stop";
}
