import type { JsonObject } from "../json.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { RuntimeServices } from "../services.ts";
import type { App } from "./app.ts";
import { jsonAnswer } from "./http-answer.ts";
import { createRouter } from "./router.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addIntentRoutes } from "./routes/intents.ts";
import { addPushRoute } from "./routes/push.ts";

/** The surface of an intent's own function: its route, which `/` is too, and the pushes of its topic. */
export function createIntentApp(services: RuntimeServices, { realm, name }: IntentDefinition): App {
  const router = createRouter(services);
  addPushRoute(router, services, { stays: true });
  addIntentRoutes(router, services);
  router.alias("/", `/${realm}/${name}`);
  addHealthRoutes(router, services);
  return router;
}

/** Something that a scheduler calls: does one piece of work and tells what it did. */
export interface Job {
  /** Its function's name. */
  readonly name: string;
  /** When it is called: cron, in UTC. */
  readonly schedule: string;
  /** What one call may take, at most 30 minutes: Cloud Scheduler waits no longer. It must do for a step of any intent. */
  readonly timeoutMs: number;
  /** Whether it runs guests: then its function may call their runner. */
  readonly runsGuests?: boolean;
  readonly run: (services: RuntimeServices) => Promise<JsonObject>;
}

/** The surface of a platform function that a scheduler calls: any POST is one run of the job, whose outcome is logged for alerts. */
export function createJobApp(services: RuntimeServices, job: Job): App {
  const router = createRouter(services);
  addHealthRoutes(router, services);
  router.route("POST", "/*", async () => {
    const outcome = await job.run(services);
    services.adapters.logger.info("a job ran", { job: job.name, ...outcome });
    return jsonAnswer(outcome);
  });
  return router;
}
