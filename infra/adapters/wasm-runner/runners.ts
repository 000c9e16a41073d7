import type { Logger } from "../../../shared/logger.ts";
import type { Runners } from "../../../shared/ports/wasm-runners.ts";
import type { ModuleSource } from "../../../shared/ports/wasm-runtime.ts";
import { openRemotePool, type RemotePool } from "./remote-pool.ts";

export interface RunnersDeps {
  readonly modules: ModuleSource;
  /** The token for an audience, which is the origin that is called; undefined where none is asked for. */
  readonly token: (audience: string) => Promise<string | undefined>;
  readonly logger: Logger;
}

/** The runners that this process calls, each over one connection. */
export function createRunners({ modules, token, logger }: RunnersDeps): Runners {
  const pools = new Map<string, RemotePool>();
  return {
    at: (url) => {
      const known = pools.get(url);
      if (known !== undefined) return known;
      const audience = new URL(url).origin;
      const pool = openRemotePool({ url, modules, logger, token: () => token(audience) });
      pools.set(url, pool);
      return pool;
    },
    abandon: (url) => {
      pools.get(url)?.abandon();
      pools.delete(url);
    },
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
      pools.clear();
    },
  };
}
