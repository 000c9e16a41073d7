import type { CloudEventFunction, HttpFunction } from "@google-cloud/functions-framework";

import { createAdapters } from "../infra/create-adapters.ts";
import { toEventFunction, toHttpFunction } from "../infra/serve/functions-framework.ts";
import { loadConfig } from "../shared/config.ts";
import { createServices } from "../shared/create-services.ts";
import { ANSWER_MARGIN_MS, checkFunctionLength, workMs } from "../shared/executions/function-length.ts";
import { createFunctionShift, type FunctionShift, type Visit } from "../shared/executions/shift.ts";
import { type App, createApp } from "../shared/http/app.ts";
import { createIntentApp, createJobApp, type Job } from "../shared/http/function-app.ts";
import { errorFields } from "../shared/logger.ts";
import type { IntentDefinition } from "../shared/sagas/intent-definition.ts";
import type { RuntimeServices } from "../shared/services.ts";

export interface DeployedFunction {
  readonly http: HttpFunction;
  /** For the cloudevent signature. */
  readonly event: CloudEventFunction;
}

interface Kind {
  readonly intents: readonly IntentDefinition[];
  /** Whether `intents` are all that there are. */
  readonly complete: boolean;
  /** Whether it runs steps, or accepts and hands on. */
  readonly runsSteps: boolean;
  readonly app: (services: RuntimeServices) => App;
  /** Whether a request stays until all that the instance holds is done, as far as its time goes. */
  readonly stays: boolean;
}

/** The function of one intent, with the intents that it calls. */
export function intentFunction(definition: IntentDefinition, called: readonly IntentDefinition[]): DeployedFunction {
  const app = (services: RuntimeServices): App => createIntentApp(services, definition);
  return deploy({ intents: [definition, ...called], complete: false, runsSteps: true, app, stays: false });
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

/** Everything is built by the first request and serves until the instance ends; a failed start is tried again by the next one. */
function deploy(kind: Kind): DeployedFunction {
  let starting: Promise<Instance> | undefined;
  const instance = (): Promise<Instance> =>
    (starting ??= start(kind).catch((error: unknown) => {
      starting = undefined;
      throw error;
    }));
  const handle = async (request: Request): Promise<Response> => (await instance()).handle(request);
  return { http: toHttpFunction(handle), event: toEventFunction(handle) };
}

interface Instance {
  handle(request: Request): Promise<Response>;
}

async function start(kind: Kind): Promise<Instance> {
  const config = loadConfig(process.env);
  const lengthMs = workMs(config.functionTimeoutMs);
  if (kind.runsSteps) checkFunctionLength(kind.intents, config.functionTimeoutMs);
  const adapters = await createAdapters(config);
  const { clock, logger } = adapters;
  const shift = createFunctionShift({ ...adapters, runsSteps: kind.runsSteps });
  const services = createServices(config, adapters, kind.intents, { shift, complete: kind.complete });
  const app = kind.app(services);

  const stop = async (signal: string): Promise<void> => {
    logger.info("stopping", { signal, grace_period_ms: config.gracePeriodMs });
    await services.lifecycle.stop(config.gracePeriodMs);
    const giveUpMs = clock.now() + config.gracePeriodMs;
    while (shift.visits > 0 && clock.now() < giveUpMs) await clock.sleep(10);
    await shift.hintsOut();
    await services.relay.drain();
    await adapters.close();
    logger.info("stopped");
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    // functions-framework's own listener ends the process at once, with the step that it is in.
    process.removeAllListeners(signal);
    process.once(
      signal,
      () =>
        void stop(signal).catch((error: unknown) => {
          logger.error("the stop failed", errorFields(error));
          process.exit(1);
        }),
    );
  }

  return {
    handle: async (request) => {
      const visit = shift.open(clock.now() + lengthMs);
      void services.recovery.retake();
      try {
        const response = await app.fetch(request);
        if (kind.stays) await until(visit.untilMs, services.lifecycle.idle(), services);
        await leave(visit, shift, services);
        return response;
      } finally {
        visit.close();
      }
    },
  };
}

/**
 * The last one out puts the work down: the step that is under way ends, the rest is handed on, and what was committed is published,
 * because nothing goes on here once the answer is out.
 */
async function leave(visit: Visit, shift: FunctionShift, services: RuntimeServices): Promise<void> {
  visit.close();
  if (shift.visits > 0) return;
  const putDown = async (): Promise<void> => {
    await services.lifecycle.idle();
    await shift.hintsOut();
    await services.relay.idle();
  };
  await until(visit.untilMs + ANSWER_MARGIN_MS / 2, putDown(), services);
}

/** Waits for something, but not longer than until a time: what is late is taken over by others. */
async function until(timeMs: number, what: Promise<void>, { adapters: { clock } }: RuntimeServices): Promise<void> {
  const patience = new AbortController();
  await Promise.race([what, clock.sleep(timeMs - clock.now(), patience.signal)]);
  patience.abort();
}
