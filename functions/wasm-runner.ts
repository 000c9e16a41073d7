import { createCalledModules } from "../infra/adapters/wasm-runner/called-modules.ts";
import { serveRunner } from "../infra/adapters/wasm-runner/runner-server.ts";
import { openGuestPool } from "../infra/adapters/wasm/guest-pool.ts";
import { systemClock, systemRandom } from "../infra/adapters/system/system.ts";
import { loadRunnerConfig, type RunnerConfig } from "../shared/wasm/runner-config.ts";
import { createIds } from "../shared/ids.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { type HeartbeatMessage, NODES_PATH } from "../shared/wasm/heartbeat-message.ts";
import { type NodeAgent, type NodeState, startNodeAgent } from "../shared/wasm/node-agent.ts";
import { stopOnSignals } from "./stop-on-signals.ts";

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
  const agent = await registered(config, server.port, logger);
  logger.info("the runner serves", { host: config.host, port: server.port });

  const { gracePeriodMs } = config;
  stopOnSignals({
    logger,
    gracePeriodMs,
    stop: async () => {
      // Nothing new is placed here; what is under way ends; then what is placed here is moved at once.
      await agent?.tell("draining");
      await server.close(gracePeriodMs);
      await agent?.tell("gone");
      await pool.close();
    },
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

/** Tells the control side of this node, where there is one to be told: under a new id with each start, since nothing is left of the last. */
async function registered(
  { mode, host, url, registration }: RunnerConfig,
  port: number,
  logger: Logger,
): Promise<NodeAgent | undefined> {
  if (registration === undefined) return undefined;
  const { createControlSide } = await import("../infra/adapters/wasm-runner/control-side.ts");
  const { createServiceTokens } = await import("../infra/adapters/jwt/service-tokens.ts");
  const { controlUrl, providers, maxInstances, heartbeatEveryMs } = registration;
  const token = mode === "dev" ? () => Promise.resolve(undefined) : createServiceTokens({ clock: systemClock });
  const post = createControlSide({ url: controlUrl, token });
  const node: Omit<HeartbeatMessage, "state"> = {
    node_id: createIds(systemRandom).node(),
    url: url ?? `http://${host}:${port}`,
    provider_types: [...providers],
    max_instances: maxInstances,
    heartbeat_every_ms: heartbeatEveryMs,
  };
  const announce = (state: NodeState): Promise<void> => post(NODES_PATH, { ...node, state });
  return startNodeAgent({ announce, everyMs: heartbeatEveryMs, clock: systemClock, logger });
}
