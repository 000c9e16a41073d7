import type * as z from "zod";

import type { EventId } from "../ids.ts";
import type { EmittedEvent } from "../sagas/step-context.ts";
import type { emittedEventSchema } from "./execution.ts";
import type { Scene } from "./scene.ts";

/** An event as it is recorded: large data lie in the object store. */
export type ParkedEvent = z.infer<typeof emittedEventSchema> & { readonly event_id: EventId };

export async function parkEvent(
  { claimCheck, journal }: Scene,
  event_id: EventId,
  { type: event_type, data }: EmittedEvent,
): Promise<ParkedEvent> {
  return { event_id, event_type, data: await claimCheck.park(journal.owner.tenantId, data) };
}

/** Has events told once they are committed, with their data, or with where these lie. */
export function publishEvents({ claimCheck, journal }: Scene, events: readonly ParkedEvent[]): void {
  for (const { event_id: eventId, event_type: type, data } of events) {
    const dataref = claimCheck.uriOf(data);
    journal.publish({ eventId, type, told: dataref === undefined ? { data } : { dataref } });
  }
}
