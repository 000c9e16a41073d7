import { parseRfc3339 } from "../clock.ts";
import { asId, type InstanceId, type TenantId } from "../ids.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { LogEntry } from "../state/log-entry.ts";
import type { WriteAheadLog } from "../state/write-ahead-log.ts";
import { type InstanceFact, instanceFactSchema } from "./instance-facts.ts";

/** The facts of an instance, oldest first. */
export async function readInstanceFacts(
  log: Pick<WriteAheadLog, "read">,
  tenantId: TenantId,
  instanceId: InstanceId,
  page: PageRequest,
): Promise<Page<InstanceFact>> {
  const filter = { sessionId: asId.session(instanceId), order: "chronological" } as const;
  const found = await log.read(tenantId, filter, page);
  return { ...found, items: found.items.map(factOf) };
}

function factOf({ event_type, timestamp, payload }: LogEntry): InstanceFact {
  return instanceFactSchema.parse({ fact_type: event_type, timestamp_ms: parseRfc3339(timestamp), ...payload });
}
