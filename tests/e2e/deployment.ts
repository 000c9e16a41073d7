import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { type PubsubBus, createPubsubBus } from "../../infra/adapters/pubsub/message-bus.ts";
import { type PushSubscription, setUpTopics } from "../../infra/adapters/pubsub/set-up-topics.ts";
import { bundleFunctions } from "../../infra/build/bundle.ts";
import { type FunctionSpec, functionSpecs } from "../../infra/build/functions.ts";
import { startFunction } from "../../infra/dev/parts/function-process.ts";
import type { Part } from "../../infra/dev/parts/part.ts";
import { EVENTS_TOPIC } from "../../shared/state/cloud-event.ts";
import { DEAD_LETTER_TOPIC, intentTopic, MAX_DELIVERY_ATTEMPTS, topicsOf } from "../../shared/state/topics.ts";
import { type Inbox, openInbox } from "../conformance/pubsub-inbox.ts";
import type { Publication } from "./event-producer.ts";

export interface DeployedProcess extends Part {
  readonly url: string;
  readonly lines: readonly string[];
}

/** Functions as on Cloud Run: each a process of its own over its bundle, with the Pub/Sub emulator between them. */
export interface Deployment extends AsyncDisposable {
  readonly projectId: string;
  /** Starts one more process of a function, by its target; on the port of one that is gone it is the next instance behind its URL. */
  start(target: string, port?: number): Promise<DeployedProcess>;
  /** Has Pub/Sub push an intent's topic to a process: each process gets every message. */
  pushTo(intentType: string, process: DeployedProcess): Promise<void>;
  publish(intentType: string, publication: Publication): Promise<void>;
  /** What arrives on a topic from now on. */
  inbox(topic: string): Promise<Inbox>;
  deadLetters(): Promise<Inbox>;
}

/** `folder` takes the bundles and the data; `env` is every process's. */
export async function openDeployment(
  folder: string,
  emulatorHost: string,
  env: Readonly<Record<string, string>>,
  specs: readonly FunctionSpec[] = functionSpecs(),
): Promise<Deployment> {
  const projectId = `test-${randomUUID()}`;
  const options = { projectId, emulatorHost };
  const bundles = await bundleFunctions(join(folder, "dist"), specs);
  const types = bundles.flatMap(({ spec }) => (spec.intentType === undefined ? [] : [spec.intentType]));
  const deadLetters = {
    topic: DEAD_LETTER_TOPIC,
    subscription: DEAD_LETTER_TOPIC,
    maxDeliveryAttempts: MAX_DELIVERY_ATTEMPTS,
  };
  const pushes: PushSubscription[] = [];
  await setUpTopics(options, { topics: topicsOf(types), pushes, deadLetters });
  const bus: PubsubBus = createPubsubBus({ ...options, pingTopic: EVENTS_TOPIC });
  const processes: Part[] = [];

  return {
    projectId,
    start: async (target, port) => {
      const bundle = bundles.find(({ spec }) => target === spec.name || target === `${spec.name}_event`);
      if (bundle === undefined) throw new Error(`there is no function ${target}`);
      const lines: string[] = [];
      const process = await startFunction({
        file: bundle.file,
        target,
        signature: target.endsWith("_event") ? "cloudevent" : "http",
        env: {
          DATA_DIR: join(folder, "data"),
          BUS: "pubsub",
          GOOGLE_CLOUD_PROJECT: projectId,
          PUBSUB_EMULATOR_HOST: emulatorHost,
          METADATA_SERVER_DETECTION: "none",
          NODE_ENV: "production",
          // The runner of the tests has one of its own.
          MODE: "dev",
          ...env,
        },
        port,
        onLine: (line) => void lines.push(line),
      });
      processes.push(process);
      return { ...process, url: `http://${process.host}:${process.port}`, lines };
    },
    pushTo: async (intentType, { url }) => {
      const topic = intentTopic(intentType);
      const endpoint = `${url}/projects/${projectId}/topics/${topic}`;
      pushes.push({ name: `push-${pushes.length}`, topic, endpoint, ackDeadlineSeconds: 60, longestBackoffSeconds: 2 });
      await setUpTopics(options, { topics: [], pushes, deadLetters });
    },
    publish: (intentType, { attributes, data }) =>
      bus.publish({ topic: intentTopic(intentType), orderingKey: "", id: randomUUID(), attributes, data }),
    inbox: (topic) => openInbox(emulatorHost, projectId, topic),
    deadLetters: () => openInbox(emulatorHost, projectId, DEAD_LETTER_TOPIC, DEAD_LETTER_TOPIC),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(processes.map((process) => process.kill()));
      await bus.close();
    },
  };
}
