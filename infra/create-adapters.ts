import { join } from "node:path";

import { rfc3339 } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import { RuntimeError } from "../shared/errors.ts";
import { createIds } from "../shared/ids.ts";
import { createLogger } from "../shared/logger.ts";
import type { Adapters } from "../shared/services.ts";
import { systemClock, systemRandom } from "./adapters/system/system.ts";

/** Chooses and opens the adapters that the configuration asks for; each client library is loaded only when it is chosen. */
export async function createAdapters(config: Config): Promise<Adapters> {
  if (config.mode !== "dev") {
    throw new RuntimeError(
      "config.no_identity",
      "MODE=production needs an identity provider, which this build does not have yet; use MODE=dev.",
    );
  }
  const [{ createSqliteStore }, { createFileObjectStore }, { createInProcessBus }, { createDevIdentity }] =
    await Promise.all([
      import("./adapters/sqlite/execution-store.ts"),
      import("./adapters/files/object-store.ts"),
      import("./adapters/in-process/message-bus.ts"),
      import("./adapters/jwt/dev-identity.ts"),
    ]);
  const { identity, store } = inDataDir(config.dataDir, () => ({
    identity: createDevIdentity(join(config.dataDir, "dev-signing-key"), () => systemClock.now()),
    store: createSqliteStore(join(config.dataDir, "runtime.db")),
  }));
  return {
    clock: systemClock,
    ids: createIds(systemRandom),
    random: systemRandom,
    logger: createLogger({
      clock: systemClock,
      level: config.logLevel,
      write: (line) => process.stderr.write(`${line}\n`),
    }),
    store,
    objects: createFileObjectStore(join(config.dataDir, "objects")),
    bus: createInProcessBus(() => rfc3339(systemClock.now())),
    tokens: identity,
    devTokens: identity,
  };
}

/** Throws `config.data_dir_unusable` when the files in the data folder cannot be opened. */
function inDataDir<Opened>(dataDir: string, open: () => Opened): Opened {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError("config.data_dir_unusable", `DATA_DIR=${dataDir} cannot be used: ${reason}.`, { cause });
  }
}
