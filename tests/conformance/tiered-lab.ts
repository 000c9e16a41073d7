import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished } from "vitest";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import type { Part } from "../../infra/dev/parts/part.ts";
import { startRedis } from "../../infra/dev/parts/redis-server.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { createGate } from "../kit/gate.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { allPages, begin, type Scenario } from "./execution-store/scenario.ts";
import { openTiered, type TieredTimes } from "./tiered-kit.ts";

export type Fate = "dies before" | "dies after";

/** A real Redis for the tests of one file, empty before each, and tiered stores over it and a cold store that can be watched. */
export function tieredLab() {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let redis: Part;
  let admin: Redis;
  const url = () => `redis://${redis.host}:${redis.port}`;

  beforeAll(async () => {
    folder = await temporaryFolder();
    redis = await startRedis({ directory: folder.path });
    admin = new Redis(redis.port, redis.host);
    admin.on("error", () => undefined);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
    await folder[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await admin.flushall();
  });

  /** Each change is told before it is answered, unless `spanMs` says otherwise. */
  const scene = async (given: TieredTimes = {}) => {
    const times = { spanMs: 0, ...given };
    const sqlite = createSqliteStore(":memory:");
    const cold = watched(sqlite);
    const { store, logged } = openTiered({ cold: cold.store, redisUrl: url(), times });
    const on: Scenario = await begin(() => Promise.resolve({ store, close: () => Promise.resolve() }));
    const other = () => {
      const opened = openTiered({ cold: cold.store, redisUrl: url(), times });
      onTestFinished(() => opened.store.close());
      return opened.store;
    };
    /** Runs a change on a runtime of its own that dies before or after the cold store has decided. */
    const doomed = async (fate: Fate, change: (store: ExecutionStore) => Promise<unknown>) => {
      const opened = openTiered({ cold: cold.store, redisUrl: url(), times });
      const gone = cold.theNextWriter(fate);
      void change(opened.store);
      await gone;
      await opened.die();
    };
    onTestFinished(async () => {
      await store.close();
      await sqlite.close();
    });
    const readAll = (from: ExecutionStore = store, order: "newest" | "chronological" = "chronological") =>
      allPages((page) => from.readLog(on.tenantId, { order }, page), 100);
    /** Reads until the log is answered by Redis. */
    const warm = () =>
      expect
        .poll(async () => {
          const before = cold.counts.log;
          await store.readLog(on.tenantId, { order: "newest" }, { limit: 1 });
          return cold.counts.log - before;
        })
        .toBe(0);
    return {
      counts: cold.counts,
      between: cold.between,
      goOn: cold.goOn,
      cold: sqlite,
      on,
      other,
      doomed,
      readAll,
      warm,
      logged,
    };
  };

  return {
    scene,
    url,
    get admin() {
      return admin;
    },
    killRedis: () => redis.kill(),
    /** Starts it again where it was, with what its append-only file holds. */
    restartRedis: async () => {
      redis = await startRedis({ directory: folder.path, port: redis.port });
    },
  };
}

export type TieredScene = Awaited<ReturnType<ReturnType<typeof tieredLab>["scene"]>>;

/** A cold store that counts what it is asked, and whose next commit can be stopped before or after it is decided. */
function watched(inner: ExecutionStore) {
  const counts = { executions: 0, records: 0, log: 0 };
  let door: ReturnType<typeof createGate> | undefined;
  let next: { readonly fate: Fate; readonly gone: () => void } | undefined;
  const decided = async <Answer>(decide: () => Promise<Answer>): Promise<Answer> => {
    const doom = next;
    next = undefined;
    if (doom === undefined) {
      await door?.pass();
      return decide();
    }
    if (doom.fate === "dies after") await decide();
    doom.gone();
    return new Promise<never>(() => undefined);
  };
  const store: ExecutionStore = {
    ...inner,
    readExecution: (...args) => {
      counts.executions += 1;
      return inner.readExecution(...args);
    },
    readRecord: (...args) => {
      counts.records += 1;
      return inner.readRecord(...args);
    },
    readLog: (...args) => {
      counts.log += 1;
      return inner.readLog(...args);
    },
    commit: (...args) => decided(() => inner.commit(...args)),
    write: (...args) => decided(() => inner.write(...args)),
    // Several runtimes stand on it: it ends with the test.
    close: () => Promise.resolve(),
  };
  return {
    store,
    counts,
    /** Holds writers up before the cold store; resolves when one has come. */
    between: async () => {
      const gate = createGate();
      door = gate;
      await expect.poll(() => gate.arrived, { interval: 2 }).toBe(1);
    },
    goOn: () => door?.open(),
    theNextWriter: (fate: Fate) =>
      new Promise<void>((gone) => {
        next = { fate, gone };
      }),
  };
}
