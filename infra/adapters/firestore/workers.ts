import type { DocumentReference, Firestore } from "@google-cloud/firestore";
import * as z from "zod";

import { idSchemas, type WorkerId } from "../../../shared/ids.ts";
import type { ExecutionRef } from "../../../shared/ports/execution-store.ts";
import { ChangeSet } from "./change-set.ts";
import type { Layout } from "./layout.ts";
import { createMemory } from "./memory.ts";
import type { Reach } from "./reach.ts";

const WORKERS_REMEMBERED = 1_000;
/** Firestore's limit for `in`. */
const OWNERS_AT_ONCE = 30;
/** How long the row of a silent worker that holds nothing is kept: longer than a call of its own may be under way. */
const KEEP_SILENT_MS = 60_000;
/** The beat of a worker that was never heard, or that retired. */
const NEVER = 0;

const rowSchema = z.object({ beat_ms: z.number() });
const refSchema = z.object({ tenant_id: idSchemas.tenant, execution_id: idSchemas.execution, owner: z.string() });

/**
 * Who lives.
 *  W1  Whoever holds an execution has a row: a beat or a claim writes it, and an acceptance where none is known.
 *      So the abandoned are found from the silent rows, at a cost that follows the number of workers, not of executions.
 *  W2  The row of a silent worker goes only once it holds nothing. A frozen one may come back at that very moment with an
 *      acceptance: `restore`, now and then, gives every holder its row again.
 */
export interface Workers {
  beat(workerId: WorkerId, nowMs: number): Promise<void>;
  retire(workerId: WorkerId): Promise<void>;
  isAlive(workerId: string, sinceMs: number): Promise<boolean>;
  /** Adds a beat, unless one was stored since `sinceMs`. */
  addBeat(set: ChangeSet, workerId: WorkerId, nowMs: number, sinceMs: number): () => void;
  /** Resolves to what adds the worker's row if it has none. */
  ensure(workerId: WorkerId): Promise<(set: ChangeSet) => void>;
  abandoned(query: {
    readonly nowMs: number;
    readonly deadAfterMs: number;
    readonly limit: number;
  }): Promise<readonly ExecutionRef[]>;
  restore(): Promise<void>;
}

export function createWorkers(db: Firestore, layout: Layout, reach: Reach): Workers {
  const beats = createMemory<number>(WORKERS_REMEMBERED);
  const read = async (worker: DocumentReference): Promise<number | undefined> => {
    const snapshot = await reach.call(() => worker.get());
    return snapshot.exists ? rowSchema.parse(snapshot.data()).beat_ms : undefined;
  };

  const heldBy = async (owners: readonly string[], limit: number) => {
    const query = layout.everyExecution
      .where("owner", "in", owners)
      .select("tenant_id", "execution_id", "owner")
      .limit(limit);
    return (await reach.call(() => query.get())).docs.map((snapshot) => refSchema.parse(snapshot.data()));
  };

  return {
    beat: async (workerId, nowMs) => {
      const row = { worker_id: workerId, beat_ms: nowMs };
      await reach.call(
        () => layout.worker(workerId).set(row),
        ({ writeTime }) => writeTime,
      );
      beats.set(workerId, nowMs);
    },
    retire: async (workerId) => {
      beats.forget(workerId);
      await reach.call(() => layout.worker(workerId).set({ worker_id: workerId, beat_ms: NEVER }));
    },
    isAlive: async (workerId, sinceMs) => ((await read(layout.worker(workerId))) ?? NEVER) >= sinceMs,

    addBeat: (set, workerId, nowMs, sinceMs) => {
      if ((beats.get(workerId) ?? NEVER) >= sinceMs) return () => undefined;
      set.put(layout.worker(workerId), { worker_id: workerId, beat_ms: nowMs });
      return () => beats.set(workerId, nowMs);
    },

    ensure: async (workerId) => {
      if (beats.get(workerId) !== undefined) return () => undefined;
      const worker = layout.worker(workerId);
      const beatMs = await read(worker);
      if (beatMs !== undefined) return () => undefined;
      return (set) => set.create(worker, { worker_id: workerId, beat_ms: NEVER });
    },

    abandoned: async ({ nowMs, deadAfterMs, limit }) => {
      const found: ExecutionRef[] = [];
      const silent = layout.workers
        .where("beat_ms", "<", nowMs - deadAfterMs)
        .orderBy("beat_ms")
        .limit(OWNERS_AT_ONCE);
      for (let next = silent; ;) {
        const { docs } = await reach.call(
          () => next.get(),
          ({ readTime }) => readTime,
          "before",
        );
        if (docs.length === 0) return found;
        const rows = docs.map((snapshot) => ({
          ref: snapshot.ref,
          updated: snapshot.updateTime,
          ...workerRow(snapshot.data()),
        }));
        const held = await heldBy(
          rows.map(({ worker_id }) => worker_id),
          limit - found.length,
        );
        found.push(...held.map(({ tenant_id, execution_id }) => ({ tenantId: tenant_id, executionId: execution_id })));
        if (found.length >= limit) return found;
        const set = new ChangeSet();
        for (const { ref, updated, worker_id, beat_ms } of rows) {
          const holds = held.some(({ owner }) => owner === worker_id);
          if (!holds && beat_ms < nowMs - deadAfterMs - KEEP_SILENT_MS) set.remove(ref, updated);
        }
        // It does not matter when one of them has just come back: then all of them are left for another time.
        if (set.size > 0) await set.commit(db, reach);
        const last = docs.at(-1);
        if (last === undefined || docs.length < OWNERS_AT_ONCE) return found;
        next = silent.startAfter(last);
      }
    },

    restore: async () => {
      const owners = layout.everyExecution.orderBy("owner").select("owner").limit(1);
      // Nobody's are null, which sorts before every text.
      for (let owner = ""; ;) {
        const { docs } = await reach.call(() => owners.startAfter(owner).get());
        if (docs[0] === undefined) return;
        owner = z.string().parse(docs[0].get("owner"));
        const worker = layout.workers.doc(layout.worker(owner).id);
        if ((await read(worker)) === undefined) {
          const set = new ChangeSet();
          set.create(worker, { worker_id: owner, beat_ms: NEVER });
          await set.commit(db, reach);
        }
      }
    },
  };
}

function workerRow(data: unknown) {
  return rowSchema.extend({ worker_id: z.string() }).parse(data);
}
