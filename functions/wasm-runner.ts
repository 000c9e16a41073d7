import { createCalledModules } from "../infra/adapters/wasm-runner/called-modules.ts";
import { serveRunner } from "../infra/adapters/wasm-runner/runner-server.ts";
import { openGuestPool } from "../infra/adapters/wasm/guest-pool.ts";
import { systemClock } from "../infra/adapters/system/system.ts";
import { loadRunnerConfig, type RunnerConfig } from "../shared/wasm/runner-config.ts";
import { createLogger, errorFields, type Logger } from "../shared/logger.ts";

/** Google's own issuer. */
const ISSUER = "https://accounts.google.com";

/**
 * The runner: a process that runs guests and knows nothing else. It has no store, no secret and no tenant's data but that of the calls
 * under way (ADR 0030). Serves at HOST and PORT until SIGTERM. Throws `config.invalid` and `server.cannot_listen`.
 */
export async function serve(): Promise<void> {
  const config = loadRunnerConfig(process.env);
  const logger = createLogger({
    clock: systemClock,
    level: config.logLevel,
    write: (line) => process.stderr.write(`${line}\n`),
  });
  const modules = createCalledModules();
  const pool = await openGuestPool({ modules });
  const server = await serveRunner({ pool, modules, logger, mayCall: await callerProof(config, logger) }, config);
  logger.info("the runner serves", { host: config.host, port: server.port });

  const stop = async (signal: string): Promise<void> => {
    logger.info("stopping", { signal, grace_period_ms: config.gracePeriodMs });
    await server.close(config.gracePeriodMs);
    await pool.close();
    logger.info("stopped");
    process.exit(0);
  };
  for (const name of ["SIGTERM", "SIGINT"] as const)
    process.once(name, (signal) => {
      void stop(signal).catch((error: unknown) => {
        logger.error("the stop failed", errorFields(error));
        process.exit(1);
      });
    });
}

/** Where Cloud Run has looked who calls, and in dev mode on loopback, everybody may. */
async function callerProof(
  { callers, url }: RunnerConfig,
  logger: Logger,
): Promise<(authorization: string | undefined) => Promise<boolean>> {
  if (callers === undefined || url === undefined) return () => Promise.resolve(true);
  const { createServiceIdentity } = await import("../infra/adapters/jwt/oidc-identity.ts");
  const options = { issuer: ISSUER, jwksUrl: undefined, audience: new URL(url).origin, serviceAccounts: callers };
  const identity = createServiceIdentity(options, { clock: systemClock, logger });
  return async (authorization) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    return token !== undefined && (await identity.verify(token));
  };
}
