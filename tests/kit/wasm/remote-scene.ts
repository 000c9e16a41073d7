import { createCalledModules } from "../../../infra/adapters/wasm-runner/called-modules.ts";
import { openRemotePool, type RemotePool } from "../../../infra/adapters/wasm-runner/remote-pool.ts";
import { serveRunner } from "../../../infra/adapters/wasm-runner/runner-server.ts";
import { openGuestPool } from "../../../infra/adapters/wasm/guest-pool.ts";
import { systemClock } from "../../../infra/adapters/system/system.ts";
import { createLogger } from "../../../shared/logger.ts";
import type { ModuleSource } from "../../../shared/ports/wasm-runtime.ts";

const logger = createLogger({ clock: systemClock, level: "error", write: () => undefined });

export interface RemoteSceneOptions {
  readonly modules: ModuleSource;
  readonly threads?: number;
  /** What the runner takes for a caller's token; undefined takes all. */
  readonly expects?: string;
  readonly token?: string;
}

/** The real pool behind the real server, and what calls it over loopback; closing it closes both. */
export async function openRemoteScene({
  modules,
  threads = 4,
  expects,
  token,
}: RemoteSceneOptions): Promise<RemotePool> {
  const called = createCalledModules();
  const pool = await openGuestPool({ modules: called, threads });
  const mayCall = (authorization: string | undefined) =>
    Promise.resolve(expects === undefined || authorization === `Bearer ${expects}`);
  const server = await serveRunner({ pool, modules: called, logger, mayCall }, { host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${server.port}`;
  const remote = openRemotePool({ url, modules, logger, token: () => Promise.resolve(token) });
  return {
    ...remote,
    close: async () => {
      await remote.close();
      await server.close(1_000);
      await pool.close();
    },
  };
}
