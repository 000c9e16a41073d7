import { asId, type EventId, trustedTenantId } from "../../../shared/ids.ts";
import type { OutboxMessage } from "../../../shared/ports/execution-store.ts";
import { escaped, unescaped } from "./keys.ts";
import { texts } from "./replies.ts";
import { defineScript, type RunScript } from "./script.ts";
import { MARK_PUBLISHED, UNPUBLISHED } from "./scripts/upkeep.lua.ts";

const waiting = defineScript("unpublished", UNPUBLISHED);
const markPublished = defineScript("mark-published", MARK_PUBLISHED);

/** Messages that wait to be published, of all tenants, in the order in which they were committed. */
export function createOutbox(run: RunScript, root: string) {
  const keys = [`${root}outbox`, `${root}messages`];

  return {
    waiting: async (limit: number, except: readonly string[]): Promise<readonly OutboxMessage[]> => {
      const found: OutboxMessage[] = [];
      const left = except.map(escaped);
      let after = "-inf";
      while (after !== "" && found.length < limit) {
        const args = [String(limit - found.length), after, ...left];
        const [next, ...parts] = texts(await run(waiting, keys, args));
        for (let at = 0; at + 1 < parts.length; at += 2) found.push(readMessage(parts[at] ?? "", parts[at + 1] ?? ""));
        after = next ?? "";
      }
      return found;
    },

    mark: async (eventIds: readonly EventId[], atMs: number): Promise<void> => {
      await run(markPublished, [...keys, `${root}published`], [String(atMs), ...eventIds.map(escaped)]);
    },
  };
}

function readMessage(eventId: string, text: string): OutboxMessage {
  const [keyEnds, dataBegins] = [text.indexOf(" "), text.indexOf("\n")];
  const [tenantId, topic, attributes] = JSON.parse(text.slice(keyEnds, dataBegins)) as [
    string,
    string,
    Record<string, string>,
  ];
  return {
    eventId: asId.event(unescaped(eventId)),
    tenantId: trustedTenantId(tenantId),
    topic,
    orderingKey: unescaped(text.slice(0, keyEnds)),
    attributes,
    data: text.slice(dataBegins + 1),
  };
}
