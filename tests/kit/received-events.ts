import type { InProcessBus } from "../../infra/adapters/in-process/message-bus.ts";
import { EVENTS_TOPIC } from "../../shared/state/cloud-event.ts";
import type { ReceivedEvent } from "./audit.ts";

/** The events that the bus hands on from now on, as they come. */
export function receivedFrom(bus: InProcessBus): ReceivedEvent[] {
  const received: ReceivedEvent[] = [];
  bus.subscribe(EVENTS_TOPIC, "received", async (request) => {
    const { message } = (await request.json()) as {
      message: { messageId: string; orderingKey: string; attributes: { ce_type: string } };
    };
    const { messageId: eventId, orderingKey, attributes } = message;
    received.push({ eventId, type: attributes.ce_type, orderingKey });
    return new Response();
  });
  return received;
}
