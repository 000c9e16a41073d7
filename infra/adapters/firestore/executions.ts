import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Query,
  QueryDocumentSnapshot,
} from "@google-cloud/firestore";
import * as z from "zod";

import { idSchemas, type TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type {
  Acceptance,
  ExecutionFilter,
  ExecutionPatch,
  ExecutionRef,
  StoredExecution,
} from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf } from "../../../shared/ports/page-cursor.ts";
import { type Row, tooLarge } from "./change-set.ts";
import { headOf } from "./heads.ts";
import { EVERY_SHARD, type Layout, shardOf } from "./layout.ts";
import { placeOf, readPlace } from "./places.ts";
import type { Reach } from "./reach.ts";
import { hasEveryStep, stepsIn } from "./steps.ts";

/** Intent and head lie in one document of 1 MiB, with the names of unread mail. */
const MAX_INTENT_BYTES = 448 * 1024;
const MAX_HEAD_BYTES = 448 * 1024;
/** How often a read begins anew because the execution was committed to meanwhile, before it takes the time for a transaction. */
const MAX_READS = 3;

const textsSchema = z.object({ intent: z.string(), head: z.string() });
const listedSchema = z.object({ head: z.string(), place: z.string() });
const refSchema = z.object({ tenant_id: idSchemas.tenant, execution_id: idSchemas.execution });

/** Reading executions; an execution is one document, and some of its steps are documents below it. */
export interface Executions {
  read(ref: ExecutionRef): Promise<StoredExecution | undefined>;
  /** The execution of a document that nobody changes but the caller. */
  load(snapshot: DocumentSnapshot, epoch: number): Promise<StoredExecution>;
  list(tenantId: TenantId, filter: ExecutionFilter, page: PageRequest): Promise<Page<JsonObject>>;
  due(nowMs: number, limit: number): Promise<readonly ExecutionRef[]>;
}

export function createExecutions(db: Firestore, layout: Layout, reach: Reach): Executions {
  const stepsOf = (execution: DocumentReference): Query => layout.steps(execution).orderBy("position");

  /** Both at one moment; a read-only transaction locks nothing. */
  const readInTransaction = (execution: DocumentReference): Promise<StoredExecution | undefined> =>
    reach.call(() =>
      db.runTransaction(
        async (transaction) => {
          const snapshot = await transaction.get(execution);
          const head = headOf(snapshot);
          const steps = head === undefined ? undefined : await transaction.get(stepsOf(execution));
          return head && steps && storedExecution(snapshot, head.row.epoch, steps.docs);
        },
        { readOnly: true },
      ),
    );

  return {
    read: async (ref) => {
      const document = layout.execution(ref);
      let before = await reach.call(() => document.get());
      for (let n = 1; n <= MAX_READS; n += 1) {
        const head = headOf(before);
        if (head === undefined) return undefined;
        if (hasEveryStep(before)) return storedExecution(before, head.row.epoch);
        const steps = await reach.call(() => stepsOf(document).get());
        const after = await reach.call(() => document.get());
        // Every commit changes the document: unchanged while the steps were read, it belongs to these very steps. The emulator shows a commit
        // piece by piece: steps that are newer than the document belong to the next.
        const unchanged = headOf(after)?.updated.isEqual(head.updated) === true;
        const isOld = ({ updateTime }: QueryDocumentSnapshot) => updateTime.valueOf() <= head.updated.valueOf();
        if (unchanged && steps.docs.every(isOld)) return storedExecution(after, head.row.epoch, steps.docs);
        before = after;
      }
      return readInTransaction(document);
    },

    load: async (snapshot, epoch) => {
      if (hasEveryStep(snapshot)) return storedExecution(snapshot, epoch);
      const { docs } = await reach.call(() => stepsOf(snapshot.ref).get());
      return storedExecution(snapshot, epoch, docs);
    },

    list: async (tenantId, filter, page) => {
      const after = readPlace(page.cursor);
      let query: Query = layout.executions(tenantId);
      // A session's executions are few enough a second for an index of their own without shards.
      if (filter.sessionId === undefined) query = query.where("shard", "in", EVERY_SHARD);
      else query = query.where("session_id", "==", filter.sessionId.toWellFormed());
      if (filter.status !== undefined) query = query.where("status", "==", filter.status.toWellFormed());
      if (filter.intentType !== undefined) query = query.where("intent_type", "==", filter.intentType.toWellFormed());
      if (filter.live === true) query = query.where("live", "==", true);
      query = query
        .orderBy("place", "desc")
        .select("head", "place")
        .limit(page.limit + 1);
      if (after !== undefined) query = query.startAfter(after);
      const { docs } = await reach.call(() => query.get());
      return pageOf(
        docs.map((snapshot) => listedSchema.parse(snapshot.data())),
        page,
        (row) => JSON.parse(row.head) as JsonObject,
        (row) => row.place,
      );
    },

    due: async (nowMs, limit) => {
      const query = layout.everyExecution
        .where("shard", "in", EVERY_SHARD)
        .where("due_ms", "<=", nowMs)
        .orderBy("due_ms")
        .select("tenant_id", "execution_id")
        .limit(limit);
      const { docs } = await reach.call(() => query.get());
      return docs.map((snapshot) => {
        const { tenant_id, execution_id } = refSchema.parse(snapshot.data());
        return { tenantId: tenant_id, executionId: execution_id };
      });
    },
  };
}

/** The fields that never change. */
export function identityRow({ tenantId, executionId, sessionId, intentType, createdMs, intent }: Acceptance): Row {
  return {
    tenant_id: tenantId,
    execution_id: executionId,
    session_id: sessionId,
    intent_type: intentType,
    place: placeOf(createdMs, 0, executionId),
    shard: shardOf(executionId),
    intent: bounded("bytes of the intent", JSON.stringify(intent), MAX_INTENT_BYTES),
  };
}

/** The fields that every commit writes. */
export function stateRow(state: ExecutionPatch): Row {
  return {
    status: state.status,
    live: !state.terminal,
    head: bounded("bytes of the head", JSON.stringify(state.head), MAX_HEAD_BYTES),
  };
}

function bounded(what: string, text: string, limit: number): string {
  const bytes = Buffer.byteLength(text);
  if (bytes > limit) throw tooLarge(what, bytes, limit);
  return text;
}

function storedExecution(
  snapshot: DocumentSnapshot,
  epoch: number,
  below: readonly QueryDocumentSnapshot[] = [],
): StoredExecution {
  const { intent, head } = textsSchema.parse(snapshot.data());
  const steps = stepsIn(snapshot, below);
  return { epoch, intent: JSON.parse(intent) as JsonObject, head: JSON.parse(head) as JsonObject, steps };
}
