import type { CloudEventFunction, HttpFunction } from "@google-cloud/functions-framework";

import { toEventFunction, toHttpFunction } from "../infra/serve/functions-framework.ts";
import type { Handle } from "../infra/serve/node-listener.ts";
import { listen } from "../infra/serve/node-server.ts";
import { loadConfig } from "../shared/config.ts";
import { type App, createApp } from "../shared/http/app.ts";
import { createIntentApp, createJobApp, type Job } from "../shared/http/function-app.ts";
import type { IntentDefinition } from "../shared/sagas/intent-definition.ts";
import type { RuntimeServices } from "../shared/services.ts";
import { type FunctionKind, type Instance, startInstance } from "./instance.ts";
import { stopOnSignals } from "./stop-on-signals.ts";

export interface DeployedFunction {
  /** For functions-framework's http signature. */
  readonly http: HttpFunction;
  /** For its cloudevent signature. */
  readonly event: CloudEventFunction;
  /** Serves it on a bare Node server, at HOST and PORT. Throws `config.*` and `server.cannot_listen`. */
  readonly serve: () => Promise<void>;
}

/** The function of one intent, with its older versions and the intents that they call. */
export function intentFunction(definition: IntentDefinition, others: readonly IntentDefinition[]): DeployedFunction {
  const app = (services: RuntimeServices): App => createIntentApp(services, definition);
  return deploy({ intents: [definition, ...others], complete: false, runsSteps: true, app, stays: false });
}

/** The runtime API: accepts any intent and hands it on to its function. */
export function apiFunction(intents: readonly IntentDefinition[]): DeployedFunction {
  return deploy({ intents, complete: true, runsSteps: false, app: createApp, stays: false });
}

/** A job that a scheduler calls. */
export function jobFunction(intents: readonly IntentDefinition[], job: Job): DeployedFunction {
  const app = (services: RuntimeServices): App => createJobApp(services, job);
  return deploy({ intents, complete: true, runsSteps: true, app, stays: true });
}

function deploy(kind: FunctionKind): DeployedFunction {
  let starting: Promise<Instance> | undefined;
  // Under the framework everything is built by the first request; a failed start is tried again by the next one.
  const build = async (): Promise<Instance> => {
    const config = loadConfig(process.env);
    const instance = await startInstance(kind, config);
    stopOnSignals({ ...instance, gracePeriodMs: config.gracePeriodMs });
    return instance;
  };
  const instance = (): Promise<Instance> =>
    (starting ??= build().catch((error: unknown) => {
      starting = undefined;
      throw error;
    }));
  const handle: Handle = async (request) => (await instance()).handle(request);
  return { http: toHttpFunction(handle), event: toEventFunction(handle), serve: () => serve(kind) };
}

async function serve(kind: FunctionKind): Promise<void> {
  const config = loadConfig(process.env);
  const served = await startInstance(kind, config);
  const server = await listen(served, config);
  const { gracePeriodMs } = config;
  const stop = async (): Promise<void> => void (await Promise.all([server.close(gracePeriodMs), served.stop()]));
  stopOnSignals({ logger: served.logger, gracePeriodMs, stop });
}
