import * as z from "zod";

import type { Environment } from "../config-choices.ts";
import { integer } from "../config-values.ts";
import { SECRET_VARIABLES } from "../config.ts";
import { faultsOf, RuntimeError } from "../errors.ts";
import { LOG_LEVELS, type LogLevel } from "../logger.ts";
import { isLoopback } from "../loopback.ts";
import { PROVIDER_TYPES, type ProviderType } from "../ports/wasm-capabilities.ts";

const url = z
  .string()
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be a URL such as https://host");
const list = z.string().transform((text) => text.split(",").map((each) => each.trim()));

const schema = z
  .looseObject({
    MODE: z.enum(["dev", "production"]).default("dev"),
    K_SERVICE: z.string().optional(),
    HOST: z.string().min(1).default("127.0.0.1"),
    PORT: integer(8_081, 0, 65_535),
    LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
    GRACE_PERIOD_MS: integer(8_000, 0, 600_000),
    WASM_CALLERS: list.pipe(z.array(z.email("must be e-mail addresses, with commas between them")).min(1)).optional(),
    WASM_CONTROL_URL: url.optional(),
    WASM_NODE_URL: url.optional(),
    WASM_MAX_INSTANCES: integer(1_000, 1, 1_000_000),
    WASM_PROVIDERS: list.pipe(z.array(z.enum(PROVIDER_TYPES))).default([...PROVIDER_TYPES]),
    WASM_HEARTBEAT_MS: integer(10_000, 100, 60_000),
  })
  .superRefine((env, context) => {
    const fault = (variable: string, message: string): void =>
      context.addIssue({ code: "custom", path: [variable], message });
    for (const variable of SECRET_VARIABLES)
      if (env[variable] !== undefined)
        fault(variable, "is a secret, and a process that runs guests holds none: leave it out");
    if (env.MODE === "dev") {
      if (!isLoopback(env.HOST)) fault("HOST", "dev mode lets anybody call, so it listens on loopback only");
      if (env.K_SERVICE !== undefined) fault("MODE", "dev mode lets anybody call; set MODE=production");
      return;
    }
    if (env.K_SERVICE !== undefined) {
      // Cloud Run has checked who calls before a request comes here, and an instance has no address of its own.
      if (env.WASM_CONTROL_URL !== undefined)
        fault("WASM_CONTROL_URL", "a service registers nowhere: give the control side WASM_RUNNER_URL instead");
      return;
    }
    for (const variable of ["WASM_CALLERS", "WASM_NODE_URL"] as const)
      if (env[variable] === undefined)
        fault(variable, "is needed in production where Cloud Run does not look who calls");
  });

/** What a runner is started with: nothing of it is secret, and none of it is a store's. */
export interface RunnerConfig {
  readonly mode: "dev" | "production";
  readonly host: string;
  readonly port: number;
  readonly logLevel: LogLevel;
  readonly gracePeriodMs: number;
  /** Its own address; undefined: as it listens. */
  readonly url: string | undefined;
  /** The service accounts whose tokens it takes; undefined where somebody else has looked, and in dev mode. */
  readonly callers: readonly string[] | undefined;
  /** Where it registers; undefined where it is found without. */
  readonly registration: RegistrationChoice | undefined;
}

export interface RegistrationChoice {
  readonly controlUrl: string;
  readonly maxInstances: number;
  readonly providers: readonly ProviderType[];
  readonly heartbeatEveryMs: number;
}

/** Reads a runner's configuration. Throws `config.invalid`, naming every faulty variable at once. */
export function loadRunnerConfig(env: Environment): RunnerConfig {
  const { data, error } = schema.safeParse(env);
  if (data === undefined) {
    const faults = faultsOf(error);
    const told = faults.map(({ path, message }) => `  ${path}: ${message}`).join("\n");
    throw new RuntimeError("config.invalid", `The configuration has ${faults.length} fault(s):\n${told}`, { faults });
  }
  const { WASM_CONTROL_URL: controlUrl } = data;
  const registration = {
    maxInstances: data.WASM_MAX_INSTANCES,
    providers: data.WASM_PROVIDERS,
    heartbeatEveryMs: data.WASM_HEARTBEAT_MS,
  };
  return {
    mode: data.MODE,
    host: data.HOST,
    port: data.PORT,
    logLevel: data.LOG_LEVEL,
    gracePeriodMs: data.GRACE_PERIOD_MS,
    url: data.WASM_NODE_URL,
    callers: data.MODE === "production" && data.K_SERVICE === undefined ? data.WASM_CALLERS : undefined,
    registration: controlUrl === undefined ? undefined : { controlUrl, ...registration },
  };
}
