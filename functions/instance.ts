import { createAdapters } from "../infra/create-adapters.ts";
import type { Config } from "../shared/config.ts";
import { createServices } from "../shared/create-services.ts";
import { ANSWER_MARGIN_MS, checkFunctionLength, workMs } from "../shared/executions/function-length.ts";
import { createFunctionShift, type FunctionShift, type Visit } from "../shared/executions/shift.ts";
import type { App } from "../shared/http/app.ts";
import type { HttpAnswer } from "../shared/http/http-answer.ts";
import type { HttpRequest } from "../shared/http/http-request.ts";
import type { Logger } from "../shared/logger.ts";
import type { IntentDefinition } from "../shared/sagas/intent-definition.ts";
import type { RuntimeServices } from "../shared/services.ts";

/** What a function is for. */
export interface FunctionKind {
  readonly intents: readonly IntentDefinition[];
  /** Whether `intents` are all that there are. */
  readonly complete: boolean;
  /** Whether it runs steps, or accepts and hands on. */
  readonly runsSteps: boolean;
  readonly app: (services: RuntimeServices) => App;
  /** Whether a request stays until all that the instance holds is done, as far as its time goes. */
  readonly stays: boolean;
}

/** One process of a function. */
export interface Instance {
  readonly logger: Logger;
  handle(request: HttpRequest): Promise<HttpAnswer>;
  /** Ends what it does, hands the rest on and closes everything; resolves when the process may end. */
  stop(): Promise<void>;
}

/** Builds adapters, services and app. Throws `config.*` for an environment that it cannot work in. */
export async function startInstance(kind: FunctionKind, config: Config): Promise<Instance> {
  const lengthMs = workMs(config.functionTimeoutMs);
  if (kind.runsSteps) checkFunctionLength(kind.intents, config.functionTimeoutMs);
  const adapters = await createAdapters(config);
  const { clock, logger } = adapters;
  const shift = createFunctionShift({ ...adapters, runsSteps: kind.runsSteps });
  const services = createServices(config, adapters, kind.intents, { shift, complete: kind.complete });
  const app = kind.app(services);

  return {
    logger,
    handle: async (request) => {
      const visit = shift.open(clock.now() + lengthMs);
      void services.recovery.retake();
      try {
        const answer = await app.handle(request);
        if (kind.stays) await until(visit.untilMs, services.lifecycle.idle(), services);
        await leave(visit, shift, services);
        return answer;
      } finally {
        visit.close();
      }
    },
    stop: async () => {
      const giveUpMs = clock.now() + config.gracePeriodMs;
      await services.lifecycle.stop(config.gracePeriodMs);
      while (shift.visits > 0 && clock.now() < giveUpMs) await clock.sleep(10);
      await shift.hintsOut();
      await services.relay.drain();
      await adapters.close();
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
