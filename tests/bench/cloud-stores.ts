import { setUpTopics } from "../../infra/adapters/pubsub/set-up-topics.ts";
import { findMissingParts } from "../../infra/dev/parts/find-parts.ts";
import { startFirestoreEmulator } from "../../infra/dev/parts/firestore-emulator.ts";
import type { Part } from "../../infra/dev/parts/part.ts";
import { startPubsubEmulator } from "../../infra/dev/parts/pubsub-emulator.ts";
import { DEAD_LETTER_TOPIC, MAX_DELIVERY_ATTEMPTS, topicsOf } from "../../shared/state/topics.ts";
import { onRedis } from "./backends.ts";

const PROJECT = "bench";
/** Nobody is here: for what no first intent asks. */
const NOBODY = "127.0.0.1:9";

/** The choices of the cloud, and where they are answered. */
export interface CloudStores {
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Real Redis behind the REST bridge, and the emulators of Firestore and Pub/Sub. Throws where one of them is not installed. */
export async function openCloudStores(directory: string, intentTypes: readonly string[]): Promise<CloudStores> {
  const lacking = (await findMissingParts()).filter(({ part }) => ["redis", "firestore", "pubsub"].includes(part));
  if (lacking.length > 0) throw new Error(lacking.map(({ lacks, remedy }) => `${lacks}: ${remedy}`).join("\n"));
  const [redis, firestore, pubsub] = await Promise.all([
    onRedis("redis", directory, "everysec", true),
    startFirestoreEmulator(),
    startPubsubEmulator(),
  ]);
  const at = ({ host, port }: Part): string => `${host}:${port}`;
  const subscription = DEAD_LETTER_TOPIC;
  const deadLetters = { topic: DEAD_LETTER_TOPIC, subscription, maxDeliveryAttempts: MAX_DELIVERY_ATTEMPTS };
  const topology = { topics: topicsOf(intentTypes), pushes: [], deadLetters };
  await setUpTopics({ projectId: PROJECT, emulatorHost: at(pubsub) }, topology);
  return {
    environment: {
      ...redis.environment,
      STORE: "tiered",
      OBJECTS: "gcs",
      BUS: "pubsub",
      MODE: "dev",
      GOOGLE_CLOUD_PROJECT: PROJECT,
      GCS_BUCKET: PROJECT,
      FIRESTORE_EMULATOR_HOST: at(firestore),
      PUBSUB_EMULATOR_HOST: at(pubsub),
      STORAGE_EMULATOR_HOST: `http://${NOBODY}`,
      METADATA_SERVER_DETECTION: "none",
    },
    stop: async () => void (await Promise.all([redis.stop(), firestore.stop(), pubsub.stop()])),
  };
}
