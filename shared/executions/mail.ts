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
  const { status } = journal.state;
  switch (body.kind) {
    case "signal": {
      const payload = { kind: body.kind, signal_id: signalId, name: body.name, payload: body.payload };
      return journal.record({ event_type: "signal_received", payload });
    }
    case "cancel": {
      const effect = status !== "running" || scene.pastPivot ? "refused" : body.compensate ? "compensate" : "stop";
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
      if (status !== "dead") return;
      return journal.record({
        event_type: "signal_received",
        payload: { kind: body.kind, signal_id: signalId, epoch: journal.epoch },
      });
  }
}
