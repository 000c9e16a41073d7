import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { DataKeys } from "../ports/data-keys.ts";
import type { SubjectKeys } from "../ports/record-store.ts";
import { contextOf } from "./subjects.ts";

const PAGE = 100;

/**
 * Wraps the keys of a tenant's subjects by the master key in use, where another has wrapped them; returns how many. A key is replaced only
 * as it was read: one that is erased meanwhile stays erased. A run that dies is repeated, and finds what is left.
 * Throws `subject.key_unreadable` when all others are done, for keys that no master key of this process opens.
 */
export async function rewrapSubjectKeys(keys: SubjectKeys, dataKeys: DataKeys, tenantId: TenantId): Promise<number> {
  let [rewrapped, after] = [0, ""];
  let unreadable: RuntimeError | undefined;
  for (;;) {
    const page = await keys.list(tenantId, { after, limit: PAGE });
    for (const key of page) {
      try {
        const wrappedKey = await dataKeys.rewrap(key.wrappedKey, contextOf(tenantId, key.subjectId));
        if (wrappedKey !== undefined && (await keys.rewrap(tenantId, key, wrappedKey))) rewrapped += 1;
      } catch (error) {
        if (!(error instanceof RuntimeError) || error.code !== "subject.key_unreadable") throw error;
        unreadable = error;
      }
      after = key.subjectId;
    }
    if (page.length === PAGE) continue;
    if (unreadable !== undefined) throw unreadable;
    return rewrapped;
  }
}
