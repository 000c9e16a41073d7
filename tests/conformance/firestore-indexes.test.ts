import { readFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";

import { Firestore, setLogFunction } from "@google-cloud/firestore";
import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { UNINDEXED } from "../../infra/adapters/firestore/change-set.ts";
import { createFirestoreRateBuckets } from "../../infra/adapters/firestore/rate-buckets.ts";
import { createFirestoreStore } from "../../infra/adapters/firestore/execution-store.ts";
import type { ExecutionFilter, LogFilter } from "../../shared/ports/execution-store.ts";
import { testIds } from "../kit/runtime.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import {
  begin,
  DEAD_AFTER,
  entry,
  HOUR,
  message,
  NOW,
  patch,
  record,
  type Scenario,
} from "./execution-store/scenario.ts";
import { indexFileSchema, lackOf, querySchema, type WireQuery } from "./firestore-index-rules.ts";

vi.setConfig({ testTimeout: 60_000 });

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFile(new URL(path, root), "utf8");
const indexFile = async () => indexFileSchema.parse(JSON.parse(await read("infra/schema/firestore.indexes.json")));

describe("firebase.json", () => {
  it("names the files that exist, and deploys no functions", async () => {
    const schema = z.strictObject({
      firestore: z.strictObject({ rules: z.string(), indexes: z.string() }),
      emulators: z.record(z.string(), z.object({ host: z.literal("127.0.0.1").optional() })),
    });
    const { firestore } = schema.parse(JSON.parse(await read("firebase.json")));
    expect(indexFileSchema.safeParse(JSON.parse(await read(firestore.indexes))).success).toBe(true);
    expect(await read(firestore.rules)).toContain("rules_version = '2'");
  });

  it("the index file says everything once", async () => {
    const { indexes, fieldOverrides } = await indexFile();
    const overridden = fieldOverrides.map(({ collectionGroup, fieldPath }) => `${collectionGroup}.${fieldPath}`);
    expect(new Set(overridden).size).toBe(overridden.length);
    expect(new Set(indexes.map((index) => JSON.stringify(index))).size).toBe(indexes.length);
  });
});

withParts(["firestore"], () => {
  describe("firestore indexes", () => {
    it("every query that the store makes has its index, and every index is needed by one", async () => {
      const queries = await queriesOf(askEverything);
      const file = await indexFile();
      const collections = new Set(queries.map(({ from }) => from[0].collectionId));
      expect(collections).toEqual(
        new Set(["executions", "idempotency", "log", "mail", "outbox", "records", "steps", "workers"]),
      );
      expect(queries.flatMap((query) => lackOf(file, query) ?? [])).toEqual([]);
      for (const index of file.indexes) {
        const without = { ...file, indexes: file.indexes.filter((other) => other !== index) };
        expect({ index, needed: queries.some((query) => lackOf(without, query) !== undefined) }).toMatchObject({
          needed: true,
        });
      }
      for (const override of file.fieldOverrides.filter(({ indexes }) => indexes.length > 0)) {
        const without = {
          ...file,
          fieldOverrides: file.fieldOverrides.map((each) => (each === override ? { ...each, indexes: [] } : each)),
        };
        expect({ override, needed: queries.some((query) => lackOf(without, query) !== undefined) }).toMatchObject({
          needed: true,
        });
      }
    });

    it("every field that the store writes is exempt from Firestore's own indexes, but for those that serve a query", async () => {
      const written = await writtenFields();
      const { fieldOverrides, indexes } = await indexFile();
      const decided = fieldOverrides.map(({ collectionGroup, fieldPath }) => `${collectionGroup}.${fieldPath}`);
      expect([...written].toSorted()).toEqual(decided.toSorted());
      const indexed = [
        ...indexes.flatMap(({ fields }) => fields.map(({ fieldPath }) => fieldPath)),
        ...fieldOverrides.flatMap(({ fieldPath, indexes: own }) => (own.length > 0 ? [fieldPath] : [])),
      ];
      // What is not indexed may be longer than an index entry.
      expect(indexed.filter((fieldPath) => UNINDEXED.has(fieldPath))).toEqual([]);
    });

    it("what expires is deleted by its time to live", async () => {
      const { fieldOverrides } = await indexFile();
      const expiring = fieldOverrides.filter(({ ttl }) => ttl === true);
      expect(expiring.map(({ collectionGroup }) => collectionGroup).toSorted()).toEqual([
        "idempotency",
        "rate_buckets",
        "receipts",
      ]);
    });
  });

  describe("firestore rules", () => {
    it("clients can read and write nothing; the runtime can", async () => {
      const emulatorHost = await sharedFirestore();
      const projectId = `test-${randomUUID()}`;
      const content = await read("infra/schema/firestore.rules");
      const rules = await fetch(`http://${emulatorHost}/emulator/v1/projects/${projectId}:securityRules`, {
        method: "PUT",
        body: JSON.stringify({ rules: { files: [{ name: "firestore.rules", content }] } }),
      });
      expect({ status: rules.status, answer: await rules.json() }).toMatchObject({ status: 200 });
      await using on = await begin(() => {
        const store = createFirestoreStore({ projectId, emulatorHost });
        return Promise.resolve({ store, close: () => store.close() });
      });
      const executionId = await on.admit();
      const documents = `http://${emulatorHost}/v1/projects/${projectId}/databases/(default)/documents`;
      const path = `${documents}/tenants/${on.tenantId}/executions/${executionId}`;
      expect((await fetch(path)).status).toBe(403);
      expect((await fetch(`${documents}/workers`)).status).toBe(403);
      expect((await fetch(path, { method: "PATCH", body: JSON.stringify({ fields: {} }) })).status).toBe(403);
      expect((await fetch(path, { headers: { authorization: "Bearer owner" } })).status).toBe(200);
    });
  });
});

async function openOn(projectId: string): Promise<Scenario> {
  const store = createFirestoreStore({ projectId, emulatorHost: await sharedFirestore() });
  return begin(() => Promise.resolve({ store, close: () => store.close() }));
}

/** The queries that `ask` makes, each kind once, as they went over the wire. */
async function queriesOf(ask: (on: Scenario) => Promise<void>): Promise<readonly WireQuery[]> {
  const seen = new Map<string, WireQuery>();
  await using on = await openOn(`test-${randomUUID()}`);
  const requestSchema = z.object({
    structuredQuery: querySchema.optional(),
    structuredAggregationQuery: z.object({ structuredQuery: querySchema }).optional(),
  });
  setLogFunction((line) => {
    const json = /Firestore\.requestStream\]: Sending request: (\{.*\})$/s.exec(line)?.[1];
    if (json === undefined) return;
    const request = requestSchema.parse(JSON.parse(json));
    const query = request.structuredQuery ?? request.structuredAggregationQuery?.structuredQuery;
    if (query !== undefined) seen.set(JSON.stringify(query), query);
  });
  try {
    await ask(on);
  } finally {
    setLogFunction(null);
  }
  return [...seen.values()];
}

/** Every call that queries, with every combination of filters. */
async function askEverything(on: Scenario): Promise<void> {
  const { store, tenantId, sessionId } = on;
  const page = { limit: 5 };
  const executionId = await on.admit({
    change: { records: [record("r")], log: [], outbox: [message(tenantId)], mail: [] },
  });
  await store.readExecution(tenantId, executionId);
  for (const status of [undefined, "running"])
    for (const intentType of [undefined, "test.intent"])
      for (const session of [undefined, sessionId])
        for (const live of [undefined, true]) {
          const filter: ExecutionFilter = { status, intentType, sessionId: session, live };
          await store.listExecutions(tenantId, filter, page);
        }
  const narrowed: Partial<LogFilter>[] = [{}, { executionId }, { sessionId }, { executionId, sessionId }];
  const ranges: Partial<LogFilter>[] = [{}, { fromMs: NOW }, { toMs: NOW }, { fromMs: NOW, toMs: NOW }];
  for (const order of ["newest", "chronological"] as const)
    for (const eventType of [undefined, "step_started"])
      for (const of of narrowed)
        for (const range of ranges) await store.readLog(tenantId, { order, eventType, ...of, ...range }, page);
  await store.listRecords(tenantId, "thing", "all", page);
  await store.unpublished(5, ["key"]);
  await store.due({ nowMs: NOW, limit: 5 });
  await store.retire(on.workerId);
  await store.abandoned({ nowMs: NOW, deadAfterMs: DEAD_AFTER, limit: 5 });
  await store.purge({ nowMs: NOW + HOUR, publishedBeforeMs: NOW + HOUR });
  await store.keeping?.tenants();
  await on.commit(executionId, { state: patch("completed") });
  expect(await store.keeping?.forget(tenantId, executionId)).toBe("forgotten");
}

/** `collection.field` of everything that lies in the database after each kind of row was written. */
async function writtenFields(): Promise<ReadonlySet<string>> {
  const projectId = `test-${randomUUID()}`;
  await using on = await openOn(projectId);
  const executionId = testIds.execution();
  await on.admit({
    executionId,
    idempotency: { key: "k", digest: "d", expiresMs: NOW + HOUR },
    state: patch("running", {
      steps: [
        { position: 0, body: {} },
        { position: 1, body: { large: "x".repeat(5_000) } },
      ],
    }),
    change: {
      records: [record("r")],
      log: [entry({ sessionId: on.sessionId, executionId }, 1)],
      outbox: [message(on.tenantId)],
      mail: [],
    },
  });
  await on.write({ mail: [{ mailId: "m", executionId, body: {} }] });
  const rateBuckets = createFirestoreRateBuckets({ projectId, emulatorHost: await sharedFirestore() });
  await rateBuckets.take("caller", {
    capacity: 1,
    refillPerSecond: 1,
    nowMs: NOW,
    wanted: 1,
    atLeast: 1,
    keepMs: HOUR,
  });
  await rateBuckets.close();
  const db = new Firestore({ projectId, host: await sharedFirestore(), ssl: false });
  const fields = new Set<string>();
  const walk = async (collections: Awaited<ReturnType<Firestore["listCollections"]>>): Promise<void> => {
    for (const collection of collections) {
      for (const document of await collection.listDocuments()) {
        for (const field of Object.keys((await document.get()).data() ?? {})) fields.add(`${collection.id}.${field}`);
        await walk(await document.listCollections());
      }
    }
  };
  await walk(await db.listCollections());
  await db.terminate();
  return fields;
}
