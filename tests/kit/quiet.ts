import { setTimeout as sleep } from "node:timers/promises";

import type { TenantId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";

const LOOK_EVERY_MS = 100;
/** The last marks and mails may still be on their way. */
const QUIET_FOR_MS = 300;

/** Waits until no execution of the tenant is open and no message waits, or the time is over: an audit tells what is left. */
export async function untilQuiet(store: ExecutionStore, tenantId: TenantId, withinMs: number): Promise<void> {
  const isQuiet = async (): Promise<boolean> => {
    try {
      const live = await store.listExecutions(tenantId, { live: true }, { limit: 1 });
      return live.items.length === 0 && (await store.unpublished(1)).length === 0;
    } catch {
      // The store was away, and may be just coming back.
      return false;
    }
  };
  const giveUpAt = performance.now() + withinMs;
  while (performance.now() < giveUpAt && !(await isQuiet())) await sleep(LOOK_EVERY_MS);
  await sleep(QUIET_FOR_MS);
}
