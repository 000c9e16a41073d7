import { join } from "node:path";

import { rfc3339 } from "../shared/clock.ts";
import type { BusChoice, ObjectsChoice, StoreChoice } from "../shared/config-choices.ts";
import type { Config } from "../shared/config.ts";
import { RuntimeError } from "../shared/errors.ts";
import { createIds, type Ids } from "../shared/ids.ts";
import { createLogger } from "../shared/logger.ts";
import type { ExecutionStore } from "../shared/ports/execution-store.ts";
import type { MessageBus } from "../shared/ports/message-bus.ts";
import type { ObjectStore } from "../shared/ports/object-store.ts";
import type { Adapters } from "../shared/services.ts";
import { EVENTS_TOPIC } from "../shared/state/cloud-event.ts";
import { systemClock, systemRandom } from "./adapters/system/system.ts";

export interface OpenAdapters extends Adapters {
  /** Closes every client; what they are asked after that rejects. */
  close(): Promise<void>;
}

/** Something opened, and how to close it where that takes more than letting go of it. */
interface Opened<Adapter> {
  readonly adapter: Adapter;
  readonly close?: () => Promise<void>;
}

/** Chooses and opens the adapters that the configuration asks for; each client library is loaded only when it is chosen. */
export async function createAdapters(config: Config): Promise<OpenAdapters> {
  if (config.mode !== "dev") {
    throw new RuntimeError(
      "config.no_identity",
      "MODE=production needs an identity provider, which this build does not have yet; use MODE=dev.",
    );
  }
  const { createDevIdentity } = await import("./adapters/jwt/dev-identity.ts");
  const identity = inDataDir(config.dataDir, () =>
    createDevIdentity(join(config.dataDir, "dev-signing-key"), () => systemClock.now()),
  );
  const ids = createIds(systemRandom);
  // With an emulator Google's clients would still look for the metadata server of a machine of Google's.
  if (usesEmulator(config)) process.env["METADATA_SERVER_DETECTION"] ??= "none";
  const [store, objects, bus] = await Promise.all([
    openStore(config.store, config.dataDir, ids),
    openObjects(config.objects, config.dataDir),
    openBus(config.bus),
  ]);
  return {
    clock: systemClock,
    ids,
    random: systemRandom,
    logger: createLogger({
      clock: systemClock,
      level: config.logLevel,
      write: (line) => process.stderr.write(`${line}\n`),
    }),
    store: store.adapter,
    objects: objects.adapter,
    bus: bus.adapter,
    tokens: identity,
    devTokens: identity,
    close: async () => {
      await Promise.all([store.close?.(), objects.close?.(), bus.close?.()]);
    },
  };
}

async function openStore(choice: StoreChoice, dataDir: string, ids: Ids): Promise<Opened<ExecutionStore>> {
  const opened = (adapter: ExecutionStore) => ({ adapter, close: () => adapter.close() });
  switch (choice.kind) {
    case "sqlite": {
      const { createSqliteStore } = await import("./adapters/sqlite/execution-store.ts");
      return opened(inDataDir(dataDir, () => createSqliteStore(join(dataDir, "runtime.db"))));
    }
    case "redis": {
      const [{ createRedisStore }, { createTcpConnection }] = await Promise.all([
        import("./adapters/redis/execution-store.ts"),
        import("./adapters/redis/tcp-connection.ts"),
      ]);
      return opened(createRedisStore(createTcpConnection(choice.url), { senderName: ids.worker() }));
    }
    case "firestore": {
      const { createFirestoreStore } = await import("./adapters/firestore/execution-store.ts");
      return opened(createFirestoreStore(choice));
    }
    case "upstash":
    case "tiered":
      throw new RuntimeError("config.not_built", `STORE=${choice.kind} is not part of this build yet.`);
  }
}

async function openObjects(choice: ObjectsChoice, dataDir: string): Promise<Opened<ObjectStore>> {
  switch (choice.kind) {
    case "files": {
      const { createFileObjectStore } = await import("./adapters/files/object-store.ts");
      return { adapter: createFileObjectStore(join(dataDir, "objects")) };
    }
    case "gcs":
      throw new RuntimeError("config.not_built", "OBJECTS=gcs is not part of this build yet.");
  }
}

async function openBus(choice: BusChoice): Promise<Opened<MessageBus>> {
  switch (choice.kind) {
    case "in-process": {
      const { createInProcessBus } = await import("./adapters/in-process/message-bus.ts");
      return { adapter: createInProcessBus(() => rfc3339(systemClock.now())) };
    }
    case "pubsub": {
      const { createPubsubBus } = await import("./adapters/pubsub/message-bus.ts");
      const { projectId, emulatorHost } = choice;
      const bus = await createPubsubBus({ projectId, emulatorHost, pingTopic: EVENTS_TOPIC });
      return { adapter: bus, close: () => bus.close() };
    }
  }
}

function usesEmulator({ store, objects, bus }: Config): boolean {
  const firestore = store.kind === "tiered" ? store.cold : store;
  return (
    (firestore.kind === "firestore" && firestore.emulatorHost !== undefined) ||
    (objects.kind === "gcs" && objects.emulatorUrl !== undefined) ||
    (bus.kind === "pubsub" && bus.emulatorHost !== undefined)
  );
}

/** Throws `config.data_dir_unusable` when the files in the data folder cannot be opened. */
function inDataDir<File>(dataDir: string, open: () => File): File {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError("config.data_dir_unusable", `DATA_DIR=${dataDir} cannot be used: ${reason}.`, { cause });
  }
}
