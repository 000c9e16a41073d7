import { join } from "node:path";

import { loadConfig } from "../../../shared/config.ts";
import { createServices } from "../../../shared/create-services.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import { type JsonObject, jsonObject } from "../../../shared/json.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { createRedisStore } from "../../adapters/redis/execution-store.ts";
import { createTcpConnection } from "../../adapters/redis/tcp-connection.ts";
import { createTieredStore } from "../../adapters/tiered/execution-store.ts";
import { stopwatch } from "../../adapters/system/system.ts";
import { createAdapters } from "../../create-adapters.ts";
import { startRedis } from "../parts/redis-server.ts";
import { countingBytes, countingCommands, countingDocuments, noOperations, type Operations } from "./operations.ts";

const TENANT = trustedTenantId("cost");
const WAIT_MS = 60_000;
const ROUNDS_BEHIND = 12;
const ROUND_MS = 100;

export interface CountedRuntime {
  /** Runs these one after the other to their ends; what one of them took, with what is done behind it, and what each returned. */
  readonly run: (
    intentType: string,
    parameters: readonly JsonObject[],
  ) => Promise<{ readonly operations: Operations; readonly outputs: readonly JsonObject[] }>;
  readonly close: () => Promise<void>;
}

/**
 * The cloud's default store, with a real Redis and an embedded database in Firestore's place, whose every call is counted as what
 * Firestore would bill for it. Throws `part.missing` where Redis is not installed.
 */
export async function openCountedRuntime(
  folder: string,
  intents: readonly IntentDefinition[],
): Promise<CountedRuntime> {
  const counts = noOperations();
  const redis = await startRedis({ directory: folder });
  const config = loadConfig({ DATA_DIR: join(folder, "data"), LOG_LEVEL: "error" });
  const opened = await createAdapters(config);
  const { clock, logger, ids } = opened;
  const connection = countingCommands(createTcpConnection(`redis://${redis.host}:${redis.port}`), counts);
  const store = createTieredStore({
    cold: countingDocuments(opened.store, counts),
    fast: createRedisStore(connection, { senderName: ids.worker() }),
    redis: connection,
    clock,
    stopwatch,
    logger,
    ids,
  });
  const adapters = { ...opened, store, bus: countingBytes(opened.bus, counts) };
  const services = createServices(config, adapters, intents);
  const { session } = await services.sessions.create({
    tenantId: TENANT,
    userId: "cost",
    context: {},
    metadata: {},
    traceId: ids.trace(),
  });
  /** Until what is told and archived behind is done: as many rounds each time, so that looking costs the same each time. */
  const settle = async (): Promise<void> => {
    await services.lifecycle.idle();
    for (let round = 0; round < ROUNDS_BEHIND; round += 1) {
      await clock.sleep(ROUND_MS);
      await store.carry?.();
      await services.relay.drain();
    }
  };
  const runOne = async (intentType: string, parameters: JsonObject): Promise<JsonObject> => {
    const { execution } = await services.lifecycle.submit({
      tenantId: TENANT,
      userId: "cost",
      intentType,
      sessionId: asId.session(session.session_id),
      parameters,
      metadata: {},
      solutionId: undefined,
      intentId: undefined,
      idempotencyKey: undefined,
      traceId: ids.trace(),
    });
    const ended = await services.lifecycle.wait(TENANT, execution.execution_id, WAIT_MS);
    if (ended.status === "completed") return jsonObject.parse(ended.output ?? {});
    throw new Error(`${intentType} is ${ended.status}: ${ended.error?.message ?? "it has not ended"}`);
  };
  const counted = async (work: () => Promise<void>): Promise<Operations> => {
    const before = { ...counts };
    await work();
    await settle();
    return combined(counts, before, (after, already) => after - already);
  };
  await settle();
  const nothing = await counted(() => Promise.resolve());

  return {
    run: async (intentType, parameters) => {
      const outputs: JsonObject[] = [];
      const all = await counted(async () => {
        for (const each of parameters) outputs.push(await runOne(intentType, each));
      });
      const operations = combined(all, nothing, (some, none) => Math.max(0, some - none) / parameters.length);
      return { operations, outputs };
    },
    close: async () => {
      await services.lifecycle.stop(config.gracePeriodMs);
      await adapters.store.close();
      await opened.close();
      await redis.stop();
    },
  };
}

function combined(one: Operations, other: Operations, combine: (one: number, other: number) => number): Operations {
  const names = Object.keys(one) as (keyof Operations)[];
  return Object.fromEntries(names.map((name) => [name, combine(one[name], other[name])])) as unknown as Operations;
}
