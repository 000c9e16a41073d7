import { join } from "node:path";

import { setUpTopics } from "../../adapters/pubsub/set-up-topics.ts";
import { bundleFunctions } from "../../build/bundle.ts";
import { RUNNER } from "../../build/runner-spec.ts";
import { DEAD_LETTER_TOPIC, intentTopic, MAX_DELIVERY_ATTEMPTS, topicsOf } from "../../../shared/state/topics.ts";
import { startFunction } from "../parts/function-process.ts";
import type { Part } from "../parts/part.ts";
import { startWasmRunner } from "../parts/wasm-runner.ts";
import type { Components } from "./components.ts";
import { prefixed, type Row } from "./console.ts";
import type { ScheduledJob } from "./scheduler.ts";

const ACK_DEADLINE_SECONDS = 60;
/** In the cloud a scheduler calls these once a minute; nobody wants to wait for that here. */
const JOB_EVERY_MS = 2_000;
/** And what has a rarer schedule there is rarer here. */
const RARE_JOB_EVERY_MS = 60_000;
const EACH_MINUTE = "* * * * *";
/** As in the cloud, where only what is told of the runner takes guests. */
const NO_GUESTS = { WASM: "off" };

export interface RunningFunctions {
  readonly rows: readonly Row[];
  readonly apiUrl: string;
  readonly jobs: readonly ScheduledJob[];
}

export interface FunctionsOptions {
  readonly folder: string;
  readonly components: Components;
  readonly env: Readonly<Record<string, string>>;
  readonly apiPort: number | undefined;
  readonly started: (part: Part) => void;
}

/** Bundles every function, starts the runner of guests and each function as a process of its own, and leads the topics to them. */
export async function startFunctions(options: FunctionsOptions): Promise<RunningFunctions> {
  const { folder, components, env, apiPort, started } = options;
  const { projectId, pubsubHost } = components;
  const bundled = join(folder, "functions");
  const bundles = await bundleFunctions(bundled);
  const runner = await startWasmRunner({
    name: RUNNER.name,
    file: join(bundled, `${RUNNER.name}.cjs`),
    onLine: prefixed(RUNNER.name),
  });
  started(runner);
  // All of them are waited for, also when one fails: what runs must be known to be stopped.
  const outcomes = await Promise.allSettled(
    bundles.map(async ({ spec, file }) => {
      const part = await startFunction({
        file,
        target: spec.name,
        env: {
          ...components.env,
          ...env,
          DATA_DIR: join(folder, "data"),
          NODE_ENV: "production",
          ...(spec.callsRunner
            ? { WASM: "nodes", WASM_RUNNER_URL: `http://${runner.host}:${runner.port}` }
            : NO_GUESTS),
        },
        port: spec.kind === "api" ? apiPort : undefined,
        onLine: prefixed(spec.name),
      });
      started(part);
      return { spec, part, url: `http://${part.host}:${part.port}` };
    }),
  );

  const running = outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
  const types = running.flatMap(({ spec }) => (spec.intentType === undefined ? [] : [spec.intentType]));
  await setUpTopics(
    { projectId, emulatorHost: pubsubHost },
    {
      topics: topicsOf(types),
      pushes: running.flatMap(({ spec, url }) => {
        if (spec.intentType === undefined) return [];
        const topic = intentTopic(spec.intentType);
        const endpoint = `${url}/projects/${projectId}/topics/${topic}`;
        return [{ name: spec.name, topic, endpoint, ackDeadlineSeconds: ACK_DEADLINE_SECONDS }];
      }),
      deadLetters: {
        topic: DEAD_LETTER_TOPIC,
        subscription: DEAD_LETTER_TOPIC,
        maxDeliveryAttempts: MAX_DELIVERY_ATTEMPTS,
      },
    },
  );
  return {
    rows: [
      ...running.map(({ spec, part }) => ({
        part,
        what: spec.intentType ?? (spec.kind === "api" ? "the API" : "a job"),
      })),
      { part: runner, what: "tenants' own modules; knows no store and no secret" },
    ],
    apiUrl: running.find(({ spec }) => spec.kind === "api")?.url ?? "",
    jobs: running
      .filter(({ spec }) => spec.kind === "job")
      .map(({ spec, url }) => ({ url, everyMs: spec.schedule === EACH_MINUTE ? JOB_EVERY_MS : RARE_JOB_EVERY_MS })),
  };
}
