import * as z from "zod";

import type { Clock } from "../../clock.ts";
import { jsonValue } from "../../json.ts";
import { type ExecutionStore, NO_CHANGE, type StoredRecord } from "../../ports/execution-store.ts";
import { firstVersionAt } from "../../ports/record-version.ts";
import type { CapabilityProvider, CapabilityReply, GuestIdentity } from "../../ports/wasm-capabilities.ts";
import { KEY_KIND, ofInstance } from "../owned-records.ts";
import { refused, result, withParams } from "./provider-reply.ts";

const MAX_KEY_LENGTH = 512;
const MAX_VALUE_BYTES = 64 * 1024;
const MAX_KEYS = 10_000;
/** How many records one `list` looks at. */
const LIST_PAGE = 100;
/** How often a write that another one overtook is tried. */
const ATTEMPTS = 8;

const keySchema = z
  .string()
  .min(1)
  .max(MAX_KEY_LENGTH)
  .refine((key) => key.isWellFormed(), "is not Unicode");
const keyParams = z.strictObject({ key: keySchema });
const setParams = z.strictObject({ key: keySchema, value: jsonValue });
const listParams = z.strictObject({
  prefix: z.string().max(MAX_KEY_LENGTH).default(""),
  cursor: z.string().max(1_000).optional(),
});
const bodySchema = z.object({ key: z.string(), value: jsonValue });

/** What the provider needs of the store. */
export type KvStore = Pick<ExecutionStore, "readRecord" | "listRecords" | "write">;

/**
 * Keys and values of an instance, on the records of its tenant in the execution store.
 *  V1  A key belongs to a tenant and an instance: nobody else reads, lists or changes it.
 *  V2  `set` and `delete` are whole or not at all; of two at the same time the later one stands, and none is lost without an error.
 */
export function createKvProvider(deps: { readonly store: KvStore; readonly clock: Clock }): CapabilityProvider {
  const { store, clock } = deps;
  let running = false;

  const write = async (
    caller: GuestIdentity,
    key: string,
    body: StoredRecord["body"] | undefined,
  ): Promise<CapabilityReply> => {
    const id = idOf(caller, key);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = await store.readRecord(caller.tenantId, KEY_KIND, id);
      if (before === undefined && body === undefined) return result(false);
      if (before === undefined && (await countKeys(caller)) >= MAX_KEYS)
        return refused("RESOURCE_EXHAUSTED", `The instance has ${MAX_KEYS} keys, which is all it may have.`);
      const record = {
        kind: KEY_KIND,
        id,
        expectedVersion: before?.version ?? 0,
        firstVersion: firstVersionAt(clock.now()),
        body,
        facets: [ofInstance(caller.instanceId)],
        sortMs: clock.now(),
      };
      const { outcome } = await store.write(caller.tenantId, { ...NO_CHANGE, records: [record] });
      if (outcome === "written") return result(body === undefined ? true : null);
    }
    return refused("RESOURCE_EXHAUSTED", "Too many others write this key at the same time.");
  };

  const countKeys = async (caller: GuestIdentity): Promise<number> =>
    (await store.listRecords(caller.tenantId, KEY_KIND, ofInstance(caller.instanceId), { limit: 1 })).total;

  const read = async (caller: GuestIdentity, key: string): Promise<StoredRecord | undefined> =>
    store.readRecord(caller.tenantId, KEY_KIND, idOf(caller, key));

  const operations: Readonly<
    Record<string, (caller: GuestIdentity, params: StoredRecord["body"]) => Promise<CapabilityReply>>
  > = {
    get: (caller, params) =>
      withParams(keyParams, params, async ({ key }) => {
        const record = await read(caller, key);
        return result(record === undefined ? null : bodySchema.parse(record.body).value);
      }),
    exists: (caller, params) =>
      withParams(keyParams, params, async ({ key }) => result((await read(caller, key)) !== undefined)),
    set: (caller, params) =>
      withParams(setParams, params, async ({ key, value }) => {
        const sizeBytes = Buffer.byteLength(JSON.stringify(value) ?? "null");
        return sizeBytes > MAX_VALUE_BYTES
          ? refused("RESOURCE_EXHAUSTED", `The value has ${sizeBytes} bytes; ${MAX_VALUE_BYTES} are allowed.`)
          : write(caller, key, { key, value });
      }),
    delete: (caller, params) => withParams(keyParams, params, ({ key }) => write(caller, key, undefined)),
    list: (caller, params) =>
      withParams(listParams, params, async ({ prefix, cursor }) => {
        const page = await store.listRecords(caller.tenantId, KEY_KIND, ofInstance(caller.instanceId), {
          limit: LIST_PAGE,
          cursor,
        });
        const keys = page.items.map(({ body }) => bodySchema.parse(body).key).filter((key) => key.startsWith(prefix));
        return result({ keys, ...(page.nextCursor === undefined ? {} : { next_cursor: page.nextCursor }) });
      }),
  };

  return {
    type: "kv",
    initialize: () => {
      running = true;
      return Promise.resolve();
    },
    invoke: (caller, operation, params) => {
      const run = running && Object.hasOwn(operations, operation) ? operations[operation] : undefined;
      return run?.(caller, params) ?? Promise.resolve(notThere(running, operation));
    },
    shutdown: () => {
      running = false;
      return Promise.resolve();
    },
  };
}

function notThere(running: boolean, operation: string): CapabilityReply {
  return running
    ? refused("INVALID_REQUEST", `The provider kv has no operation ${operation}.`)
    : refused("WASM_RUNTIME_ERROR", "The provider kv is stopped.");
}

/** An instance's id has no slash: no key of one can be taken for a key of another. */
function idOf({ instanceId }: GuestIdentity, key: string): string {
  return `${instanceId}/${key}`;
}
