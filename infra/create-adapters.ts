import { join } from "node:path";

import type { Config } from "../shared/config.ts";
import { createIds } from "../shared/ids.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import type { DataKeys } from "../shared/ports/data-keys.ts";
import type { Adapters } from "../shared/services.ts";
import { createStateSurface } from "../shared/state/state-surface.ts";
import { createStoreClock } from "../shared/store-clock.ts";
import { createModuleSource } from "../shared/wasm/module-store.ts";
import { stopwatch, systemClock, systemRandom } from "./adapters/system/system.ts";
import { inDataDir } from "./open/in-data-dir.ts";
import { openBus, openGraph, openModels, openObjects, openRecords, openTables } from "./open/data-plane.ts";
import { openGuestRequests, openGuests, openRunners } from "./open/guests.ts";
import { openRateBuckets, openStore } from "./open/stores.ts";

export interface OpenAdapters extends Adapters {
  /** Closes every client; what they are asked after that rejects. */
  close(): Promise<void>;
}

/** Chooses and opens the adapters that the configuration asks for; each client library is loaded only when it is chosen. */
export async function createAdapters(config: Config): Promise<OpenAdapters> {
  const ids = createIds(systemRandom);
  // With an emulator Google's clients would still look for the metadata server of a machine of Google's.
  if (usesEmulator(config)) process.env["METADATA_SERVER_DETECTION"] ??= "none";
  const logger = createLogger({
    clock: systemClock,
    level: config.logLevel,
    write: (line) => process.stderr.write(`${line}\n`),
  });
  const clock = createStoreClock({ own: systemClock, elapsedMs: () => stopwatch.now() });
  const deps = { clock, ids, random: systemRandom, logger };
  const identity = await openIdentity(config, logger);
  const [store, objects, bus] = await Promise.all([
    openStore(config.store, { ...deps, dataDir: config.dataDir }),
    openObjects(config.objects, config.dataDir),
    openBus(config.bus),
  ]);
  const records = await openRecords(config.records, config.dataDir);
  const rateBuckets = openRateBuckets(config.store, config.dataDir);
  const models = await openModels(config.models, deps);
  const graph = openGraph(config.graph, deps, config.dataDir);
  const tables = openTables(objects.adapter);
  const modules = createModuleSource({ surface: createStateSurface(store.adapter), objects: objects.adapter });
  const guests = openGuests(modules);
  const runners = openRunners(config, modules, logger);
  return {
    ...deps,
    store: store.adapter,
    rateBuckets,
    records,
    dataKeys: await openDataKeys(config),
    tables,
    guests,
    runners,
    guestRequests: openGuestRequests(),
    objects: objects.adapter,
    bus: bus.adapter,
    graph,
    models,
    ...identity,
    console: async () => (await import("./console/console-page.ts")).consolePage(),
    close: async () => {
      await Promise.all([
        store.close?.(),
        rateBuckets.close(),
        records.close(),
        objects.close?.(),
        bus.close?.(),
        graph.close(),
        tables.close(),
        guests.close(),
        runners.close(),
      ]);
    },
  };
}

/** Google's own issuer, whatever the one of the callers is. */
const GOOGLE = { issuer: "https://accounts.google.com", jwksUrl: undefined };

async function openIdentity(
  { identity, pushes, wasm, dataDir }: Config,
  logger: Logger,
): Promise<Pick<Adapters, "tokens" | "devTokens" | "pushTokens" | "nodeTokens">> {
  if (identity.kind === "dev") {
    const { createDevIdentity } = await import("./adapters/jwt/dev-identity.ts");
    const key = await keyInDataDir(dataDir, "dev-signing-key");
    const dev = createDevIdentity(key, () => systemClock.now());
    return { tokens: dev, devTokens: dev };
  }
  const { createOidcIdentity, createPushIdentity, createServiceIdentity } =
    await import("./adapters/jwt/oidc-identity.ts");
  const deps = { clock: systemClock, logger };
  const proof = wasm.kind === "nodes" ? wasm.proof : undefined;
  return {
    tokens: createOidcIdentity(identity, deps),
    devTokens: undefined,
    pushTokens: pushes === undefined ? undefined : createPushIdentity({ ...pushes, ...GOOGLE }, deps),
    nodeTokens: proof === undefined ? undefined : createServiceIdentity({ ...proof, ...GOOGLE }, deps),
  };
}

async function openDataKeys({ subjectMasterKeys, mode, dataDir }: Config): Promise<DataKeys | undefined> {
  if (subjectMasterKeys === undefined && mode !== "dev") return undefined;
  const { createDataKeys } = await import("./adapters/master-key/data-keys.ts");
  const [current = await keyInDataDir(dataDir, "subject-master-key"), ...before] = subjectMasterKeys ?? [];
  return createDataKeys(current, ...before);
}

async function keyInDataDir(dataDir: string, name: string): Promise<Uint8Array> {
  const { loadKeyFile } = await import("./adapters/key-file/key-file.ts");
  return inDataDir(dataDir, () => loadKeyFile(join(dataDir, name)));
}

function usesEmulator({ store, objects, bus }: Config): boolean {
  const firestore = store.kind === "tiered" ? store.cold : store;
  return (
    (firestore.kind === "firestore" && firestore.emulatorHost !== undefined) ||
    (objects.kind === "gcs" && objects.emulatorUrl !== undefined) ||
    (bus.kind === "pubsub" && bus.emulatorHost !== undefined)
  );
}
