import type { ExecutionId } from "../../../shared/ids.ts";
import type { Acceptance, Change, Commit, ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { MessageBus } from "../../../shared/ports/message-bus.ts";
import { packsOf } from "../../adapters/firestore/log-packs.ts";
import type { RedisConnection } from "../../adapters/redis/connection.ts";

/** What executions asked of the services that are paid by use. */
export interface Operations {
  commits: number;
  documentWrites: number;
  documentReads: number;
  documentDeletes: number;
  redisCommands: number;
  /** Published and delivered, each request counted as 1,000 bytes at least. */
  pubsubBytes: number;
  /** What rests until its retention ends. */
  storedBytes: number;
}

export function noOperations(): Operations {
  return {
    commits: 0,
    documentWrites: 0,
    documentReads: 0,
    documentDeletes: 0,
    redisCommands: 0,
    pubsubBytes: 0,
    storedBytes: 0,
  };
}

const LEAST_PUBSUB_BYTES = 1_000;
/** As infra/adapters/firestore/steps.ts: what does not lie in the execution's own document. */
const STEPS_INSIDE = 24;
const STEP_BYTES_INSIDE = 4_096;

/** Counts what Firestore would bill for each call; tests/conformance/firestore-engine.test.ts compares it with what the adapter sends. */
export function countingDocuments(store: ExecutionStore, counts: Operations): ExecutionStore {
  const change = ({ log, outbox, records, mail }: Change, own?: ExecutionId): void => {
    const removed = records.filter(({ body }) => body === undefined).length;
    counts.documentWrites += packsOf(log, own).length + outbox.length + records.length - removed + 2 * mail.length;
    counts.documentDeletes += removed + mail.length;
    counts.storedBytes += log.reduce((sum, row) => sum + Buffer.byteLength(row.text), 0);
  };
  const execution = ({ executionId, state, change: changed }: Acceptance | Commit): void => {
    counts.commits += 1;
    counts.documentWrites += 1 + state.steps.filter(liesApart).length;
    change(changed, executionId);
    if (!state.terminal) return;
    counts.storedBytes += Buffer.byteLength(JSON.stringify(state.head));
  };
  return {
    ...store,
    accept: (acceptance) => {
      execution(acceptance);
      // The session is read and, by the same commit, checked.
      counts.documentReads += acceptance.idempotency === undefined ? 1 : 2;
      counts.documentWrites += acceptance.idempotency === undefined ? 1 : 2;
      counts.storedBytes += Buffer.byteLength(JSON.stringify(acceptance.intent));
      return store.accept(acceptance);
    },
    commit: (commit) => {
      execution(commit);
      return store.commit(commit);
    },
    claim: (request) => {
      counts.documentReads += 2;
      counts.documentWrites += 1;
      return store.claim(request);
    },
    write: (tenantId, changed) => {
      counts.documentWrites += 1;
      counts.documentDeletes += 1;
      change(changed);
      return store.write(tenantId, changed);
    },
    readRecord: (tenantId, kind, id) => {
      counts.documentReads += 1;
      return store.readRecord(tenantId, kind, id);
    },
    readExecution: (tenantId, executionId) => {
      counts.documentReads += 1;
      return store.readExecution(tenantId, executionId);
    },
    unpublished: async (limit, except) => {
      const messages = await store.unpublished(limit, except);
      counts.documentReads += messages.length;
      return messages;
    },
    markPublished: (eventIds, atMs) => {
      // Dropped at once.
      counts.documentDeletes += eventIds.length;
      return store.markPublished(eventIds, atMs);
    },
  };
}

function liesApart({ position, body }: Acceptance["state"]["steps"][number]): boolean {
  return position >= STEPS_INSIDE || Buffer.byteLength(JSON.stringify(body)) > STEP_BYTES_INSIDE;
}

/** A script is one command, whatever it does inside. */
export function countingCommands(redis: RedisConnection, counts: Operations): RedisConnection {
  const counted = <Answer>(asking: Promise<Answer>): Promise<Answer> => {
    counts.redisCommands += 1;
    return asking;
  };
  return {
    ...redis,
    evalsha: (sha, keys, args) => counted(redis.evalsha(sha, keys, args)),
    eval: (script, keys, args) => counted(redis.eval(script, keys, args)),
  };
}

/** Each message is published by one request and pushed by another to one subscriber. */
export function countingBytes<Bus extends MessageBus>(bus: Bus, counts: Operations): Bus {
  return {
    ...bus,
    publish: (message) => {
      const attributes = Object.entries(message.attributes).flat().join("").length;
      const bytes = (message.bytes?.byteLength ?? Buffer.byteLength(message.data)) + attributes;
      counts.pubsubBytes += 2 * Math.max(LEAST_PUBSUB_BYTES, bytes);
      return bus.publish(message);
    },
  };
}
