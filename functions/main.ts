import { createAdapters } from "../infra/create-adapters.ts";
import { printWelcome } from "../infra/dev/welcome.ts";
import { listen } from "../infra/serve/node-server.ts";
import { loadConfig } from "../shared/config.ts";
import { createServices } from "../shared/create-services.ts";
import { RuntimeError } from "../shared/errors.ts";
import { startUpkeep } from "../shared/executions/upkeep.ts";
import { createApp } from "../shared/http/app.ts";
import { errorFields } from "../shared/logger.ts";
import { intents } from "./catalog.ts";

/** Loads the configuration, builds adapters, services and app, serves them, and on SIGTERM hands everything on. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const adapters = await createAdapters(config);
  const services = createServices(config, adapters, intents);
  const server = await listen(createApp(services), config);
  const upkeep = startUpkeep({ ...services, ...adapters });
  printWelcome(config, server.port);

  const stop = async (signal: string): Promise<void> => {
    adapters.logger.info("stopping", { signal, grace_period_ms: config.gracePeriodMs });
    await Promise.all([
      upkeep.stop(),
      services.lifecycle.stop(config.gracePeriodMs),
      server.close(config.gracePeriodMs),
    ]);
    await services.relay.drain();
    await adapters.close();
    adapters.logger.info("stopped");
    process.exit(0);
  };
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.once(
      name,
      (signal) =>
        void stop(signal).catch((error: unknown) => {
          // What it could not hand on is taken over once its heartbeat is old.
          adapters.logger.error("the stop failed", errorFields(error));
          process.exit(1);
        }),
    );
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof RuntimeError ? error.message : String(error)}\n`);
  process.exit(1);
});
