import * as z from "zod";

import { type Duration, durationMs } from "./duration.ts";
import type { Environment, Reading } from "./config-choices.ts";

/** So many in any window: a bucket of that capacity, which fills from empty within the window. */
export interface Rate {
  readonly requests: number;
  readonly windowMs: number;
}

/** What one tenant may ask of the runtime; what is undefined is not limited. */
export interface Limits {
  /** Intents of one caller of the tenant. */
  readonly intentsPerCaller: Rate | undefined;
  /** Intents of the whole tenant. */
  readonly intentsPerTenant: Rate | undefined;
  /** New sessions of one caller of the tenant. */
  readonly sessionsPerCaller: Rate | undefined;
  /** Executions that are not over, waiting ones included. */
  readonly liveExecutions: number | undefined;
  /** Executions of one day, UTC. */
  readonly executionsPerDay: number | undefined;
  /** Bytes of state and log that the day's intents may write, by their price. */
  readonly bytesPerDay: number | undefined;
  /** Bytes that may lie in the object store for the tenant's artifacts and uploads. */
  readonly storedBytes: number | undefined;
}

export interface LimitsChoice {
  readonly standard: Limits;
  /** Tenants with limits of their own: whole, what they leave open taken from the standard. */
  readonly tenants: ReadonlyMap<string, Limits>;
}

/** The most unfinished executions that can be counted before each acceptance: one page of a listing. */
const MAX_LIVE = 1_000;

const rate = z
  .string()
  .regex(/^[1-9]\d{0,8}\/[1-9]\d*(?:\.\d+)?(?:ms|s|m|h|d)$/, "must be such as 100/60s, or off")
  .transform((text): Rate => {
    const [requests, window] = text.split("/");
    return { requests: Number(requests), windowMs: durationMs(window as Duration) };
  });
const count = (most: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,14}$/, "must be a whole number from 1 on, or off")
    .transform(Number)
    .pipe(z.number().max(most));
const orOff = <Limit>(limit: z.ZodType<Limit, string>) =>
  z.string().transform((text, context): Limit | undefined => {
    if (text === "off") return undefined;
    const parsed = limit.safeParse(text);
    if (parsed.success) return parsed.data;
    for (const { message } of parsed.error.issues) context.addIssue({ code: "custom", message });
    return z.NEVER;
  });

/** By the names of their environment variables; a tenant's own are written with the same names. */
const VARIABLES = {
  RATE_INTENTS_PER_CALLER: orOff(rate).optional(),
  RATE_INTENTS_PER_TENANT: orOff(rate).optional(),
  RATE_SESSIONS_PER_CALLER: orOff(rate).optional(),
  MAX_LIVE_EXECUTIONS: orOff(count(MAX_LIVE)).optional(),
  QUOTA_EXECUTIONS_PER_DAY: orOff(count(1e12)).optional(),
  QUOTA_BYTES_PER_DAY: orOff(count(1e15)).optional(),
  QUOTA_STORED_BYTES: orOff(count(1e15)).optional(),
};
const limitsSchema = z.object(VARIABLES);
const tenantsSchema = z.record(z.string(), z.strictObject(VARIABLES));

/** In dev mode anybody on the machine gets a token, so a limit would protect nobody: none are set there unless asked for. */
const DEFAULTS = {
  dev: { RATE_INTENTS_PER_CALLER: "off", RATE_SESSIONS_PER_CALLER: "off" },
  production: { RATE_INTENTS_PER_CALLER: "100/60s", RATE_SESSIONS_PER_CALLER: "10/60s" },
};

/** The limits that the environment sets: one for all tenants, and in TENANT_LIMITS, as JSON, those of single tenants. */
export function readLimits(env: Environment): Reading<LimitsChoice> {
  const defaults = env["MODE"] === "production" ? DEFAULTS.production : DEFAULTS.dev;
  return limitsSchema
    .extend({
      TENANT_LIMITS: z
        .string()
        .default("{}")
        .transform((text, context) => {
          const json = jsonOf(text);
          if (json === undefined) {
            context.addIssue({ code: "custom", message: "must be JSON: tenants with their own limits" });
            return z.NEVER;
          }
          const parsed = tenantsSchema.safeParse(json);
          if (parsed.success) return parsed.data;
          for (const { path, message } of parsed.error.issues) {
            context.addIssue({ code: "custom", message: [path.join("."), message].filter((part) => part).join(": ") });
          }
          return z.NEVER;
        }),
    })
    .transform(({ TENANT_LIMITS, ...own }) => ({
      standard: limitsOf(own),
      tenants: new Map(
        Object.entries(TENANT_LIMITS).map(([tenant, theirs]) => [tenant, limitsOf({ ...own, ...theirs })]),
      ),
    }))
    .safeParse({ ...defaults, ...env });
}

/** Undefined for what is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function limitsOf(variables: z.infer<typeof limitsSchema>): Limits {
  return {
    intentsPerCaller: variables.RATE_INTENTS_PER_CALLER,
    intentsPerTenant: variables.RATE_INTENTS_PER_TENANT,
    sessionsPerCaller: variables.RATE_SESSIONS_PER_CALLER,
    liveExecutions: variables.MAX_LIVE_EXECUTIONS,
    executionsPerDay: variables.QUOTA_EXECUTIONS_PER_DAY,
    bytesPerDay: variables.QUOTA_BYTES_PER_DAY,
    storedBytes: variables.QUOTA_STORED_BYTES,
  };
}
