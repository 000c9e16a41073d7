import { type Clock, rfc3339 } from "../../clock.ts";
import type { Ids } from "../../ids.ts";
import { type ExecutionStore, NO_CHANGE, type OutboxMessage, type RecordWrite } from "../../ports/execution-store.ts";
import type { CapabilityReply, GuestIdentity } from "../../ports/wasm-capabilities.ts";
import type { StateSurface, Versioned } from "../../state/state-surface.ts";
import { UnitOfWork } from "../../state/unit-of-work.ts";
import {
  inboxKind,
  type InboxMessage,
  messageId,
  messageKind,
  messageRemoval,
  messageWrite,
  waitingFacet,
} from "../inbox.ts";
import { outboxMessageOf } from "./guest-event.ts";
import { refused, result } from "./provider-reply.ts";

/** How often a message is given before it counts as one that the guest cannot take. */
const MAX_ATTEMPTS = 5;
/** Of data in one answer, which has to fit into a guest's payload with all that is around it. */
const MAX_PULLED_BYTES = 512 * 1024;
/** How often a change is tried that others overtake. */
const ATTEMPTS = 16;

export interface ReadInboxDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "event">;
  /** Says that there are messages in the outbox. */
  readonly nudge: () => void;
}

export interface ReadInbox {
  /**
   * The oldest messages of a topic that wait for the instance. They wait until they are acknowledged; one that was given five times
   * and never acknowledged is published as `wasm_message_dead` in place of a sixth time.
   */
  pull(caller: GuestIdentity, topic: string, max: number): Promise<CapabilityReply>;
  /** Takes messages of a topic out of the inbox; gives how many of them were there. */
  ack(caller: GuestIdentity, topic: string, ackIds: readonly string[]): Promise<CapabilityReply>;
}

export function createReadInbox({ store, surface, clock, ids, nudge }: ReadInboxDeps): ReadInbox {
  /** Makes the changes, with `fewer` messages waiting; false when others were faster. */
  const commit = async (
    { tenantId, instanceId }: GuestIdentity,
    changes: readonly RecordWrite[],
    fewer: number,
    outbox: readonly OutboxMessage[],
  ): Promise<boolean> => {
    const unit = new UnitOfWork(surface, tenantId, clock.now());
    if (fewer > 0) {
      const inbox = await unit.get(inboxKind, instanceId);
      if (inbox === undefined) return false;
      unit.put(inboxKind, instanceId, { ...inbox, waiting: inbox.waiting - fewer });
    }
    const records = [...unit.records, ...changes];
    const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records, outbox });
    return outcome === "written";
  };

  const untilDone = async (attempt: () => Promise<CapabilityReply | undefined>): Promise<CapabilityReply> => {
    for (let tried = 0; tried < ATTEMPTS; tried += 1) {
      const reply = await attempt();
      if (reply !== undefined) return reply;
    }
    return refused("RESOURCE_EXHAUSTED", "The inbox is being changed by many at once; try again.");
  };

  const deadLetter = ({ tenantId, instanceId }: GuestIdentity, message: InboxMessage): OutboxMessage => {
    const { topic, event_id, data, attempts, published_at } = message;
    return outboxMessageOf({
      type: "wasm_message_dead",
      eventId: ids.event(),
      tenantId,
      instanceId,
      topic,
      time: rfc3339(clock.now()),
      data: { event_id, published_at, attempts, data },
    });
  };

  return {
    pull: (caller, topic, max) =>
      untilDone(async () => {
        const facet = waitingFacet(caller.instanceId, topic);
        const { items } = await surface.list(caller.tenantId, messageKind, facet, { limit: max });
        const dead = items.filter(({ value }) => value.attempts >= MAX_ATTEMPTS);
        const given = withinBytes(items.filter((each) => !dead.includes(each)));
        const changes = [
          ...dead.map(({ value, version }) => messageRemoval(value, version)),
          ...given.map(({ value, version }) => messageWrite({ ...value, attempts: value.attempts + 1 }, version)),
        ];
        const outbox = dead.map(({ value }) => deadLetter(caller, value));
        if (changes.length > 0 && !(await commit(caller, changes, dead.length, outbox))) return undefined;
        if (dead.length > 0) nudge();
        // None of what was looked at can be given: what is behind it can.
        if (dead.length > 0 && given.length === 0) return undefined;
        return result({ messages: given.map(({ value }) => shown(value)) });
      }),

    ack: (caller, topic, ackIds) =>
      untilDone(async () => {
        const read = [...new Set(ackIds)].map((ackId) =>
          surface.get(caller.tenantId, messageKind, messageId(caller.instanceId, Number(ackId))),
        );
        const found = (await Promise.all(read)).flatMap((each) => (each?.value.topic === topic ? [each] : []));
        if (found.length === 0) return result({ acked: 0 });
        const changes = found.map(({ value, version }) => messageRemoval(value, version));
        return (await commit(caller, changes, found.length, [])) ? result({ acked: found.length }) : undefined;
      }),
  };
}

/** The first ones that together have room in an answer; at least one. */
function withinBytes(items: readonly Versioned<InboxMessage>[]): readonly Versioned<InboxMessage>[] {
  let bytes = 0;
  const end = items.findIndex(({ value }, index) => {
    bytes += Buffer.byteLength(JSON.stringify(value.data) ?? "null");
    return index > 0 && bytes > MAX_PULLED_BYTES;
  });
  return end === -1 ? items : items.slice(0, end);
}

function shown({ number, topic, event_id, published_at, data, attempts }: InboxMessage) {
  return { ack_id: String(number), event_id, topic, published_at, attempt: attempts + 1, data };
}
