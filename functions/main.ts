import { createAdapters } from "../infra/create-adapters.ts";
import { printWelcome } from "../infra/dev/welcome.ts";
import { listen } from "../infra/serve/node-server.ts";
import { loadConfig } from "../shared/config.ts";
import { createServices } from "../shared/create-services.ts";
import { RuntimeError } from "../shared/errors.ts";
import { startUpkeep } from "../shared/executions/upkeep.ts";
import { createApp } from "../shared/http/app.ts";
import { intents } from "./catalog.ts";
import { stopOnSignals } from "./stop-on-signals.ts";

/** Loads the configuration, builds adapters, services and app, serves them, and on SIGTERM hands everything on. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const adapters = await createAdapters(config);
  const services = createServices(config, adapters, intents);
  const server = await listen(createApp(services), config);
  const upkeep = startUpkeep({ ...services, ...adapters });
  printWelcome(config, server.port);

  const { gracePeriodMs } = config;
  stopOnSignals({
    logger: adapters.logger,
    gracePeriodMs,
    stop: async () => {
      await Promise.all([upkeep.stop(), services.lifecycle.stop(gracePeriodMs), server.close(gracePeriodMs)]);
      await services.relay.drain();
      await adapters.close();
    },
  });
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof RuntimeError ? error.message : String(error)}\n`);
  process.exit(1);
});
