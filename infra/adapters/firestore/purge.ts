import type { Firestore, Query } from "@google-cloud/firestore";

import { ChangeSet } from "./change-set.ts";
import { EVERY_SHARD, type Layout } from "./layout.ts";
import type { Reach } from "./reach.ts";

const DROPPED_AT_ONCE = 250;

/** Drops expired idempotency keys, as long as there are any. */
export function createPurge(db: Firestore, layout: Layout, reach: Reach) {
  /** Each row goes only as it was found: a key that was taken anew meanwhile stays. */
  const dropAll = async (rows: Query): Promise<number> => {
    let dropped = 0;
    for (;;) {
      const { docs } = await reach.call(() => rows.limit(DROPPED_AT_ONCE).get());
      if (docs.length === 0) return dropped;
      const set = new ChangeSet();
      for (const { ref, updateTime } of docs) set.remove(ref, updateTime);
      if ((await set.commit(db, reach)) !== undefined) dropped += docs.length;
    }
  };

  return ({ nowMs }: { readonly nowMs: number }): Promise<number> => {
    const keys = layout.everyIdempotencyKey.where("shard", "in", EVERY_SHARD).where("expires_ms", "<=", nowMs);
    return dropAll(keys.orderBy("expires_ms"));
  };
}
