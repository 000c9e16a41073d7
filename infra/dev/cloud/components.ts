import { join } from "node:path";
import { mkdir } from "node:fs/promises";

import { RuntimeError } from "../../../shared/errors.ts";
import { migratePostgres } from "../../schema/migrate-postgres.ts";
import { findMissingParts, type PartName } from "../parts/find-parts.ts";
import { findPostgres } from "../parts/find-postgres.ts";
import { type PostgresPart, startPostgres } from "../parts/postgres-server.ts";
import { startArangoStandin } from "../parts/arango-standin.ts";
import { setUpGraph } from "../set-up-graph.ts";
import { startFirestoreEmulator } from "../parts/firestore-emulator.ts";
import { startGcsStandin } from "../parts/gcs-standin.ts";
import type { Part } from "../parts/part.ts";
import { startPubsubEmulator } from "../parts/pubsub-emulator.ts";
import { startRedis } from "../parts/redis-server.ts";
import { startUpstashBridge } from "../parts/upstash-bridge.ts";
import type { Row } from "./console.ts";

const PROJECT = "symphainy-local";
const BUCKET = "symphainy-local";
const TOKEN = "local";
/** What it is made of; the tests need more. */
const NEEDED: readonly PartName[] = ["redis", "firestore", "pubsub"];
const GRAPH_DATABASE = "symphainy";
const RECORDS_DATABASE = "postgres";
/** Of each function: all of them together stay below what the server takes. */
const RECORDS_CONNECTIONS = 2;

export interface Components {
  readonly rows: readonly Row[];
  /** What the functions need to find them. */
  readonly env: Readonly<Record<string, string>>;
  readonly projectId: string;
  readonly pubsubHost: string;
}

export interface Folders {
  /** Of the objects and of Redis. */
  readonly run: string;
  /** Postgres's own: it runs as another user, who cannot look into everybody's folders. */
  readonly postgres: string;
}

/** Starts what the functions stand on, each on a free port; `started` learns of each at once, so that all of them can be stopped. */
export async function startComponents(folders: Folders, started: (part: Part) => void): Promise<Components> {
  await refuseWithoutParts();
  const objects = join(folders.run, "objects");
  const redisData = join(folders.run, "redis");
  await Promise.all([objects, redisData].map((each) => mkdir(each, { recursive: true })));
  const told = async <Started extends Part>(starting: Promise<Started>): Promise<Started> => {
    const part = await starting;
    started(part);
    return part;
  };
  const redisAndBridge = async () => {
    const redis = await told(startRedis({ directory: redisData }));
    return { redis, bridge: await told(startUpstashBridge({ redisPort: redis.port, token: TOKEN })) };
  };
  const withPostgres = (await findPostgres()) !== undefined;
  const [{ redis, bridge }, firestore, pubsub, gcs, arango, postgres] = await Promise.all([
    redisAndBridge(),
    told(startFirestoreEmulator()),
    told(startPubsubEmulator()),
    told(startGcsStandin({ directory: objects, buckets: [BUCKET] })),
    told(startArangoStandin()),
    withPostgres ? told(startPostgres({ directory: join(folders.postgres, "data") })) : undefined,
  ]);
  if (postgres !== undefined) await migratePostgres(postgres.url(RECORDS_DATABASE));
  await setUpGraph({
    graph: { kind: "arango", url: arango.url, database: GRAPH_DATABASE, user: "root", password: "" },
  });
  const pubsubHost = `${pubsub.host}:${pubsub.port}`;
  return {
    rows: [
      { part: redis, what: "hot copies and the log's tail" },
      { part: bridge, what: "the same Redis over REST, for STORE=upstash" },
      { part: firestore, what: "decides and keeps" },
      { part: pubsub, what: "intents in, events out" },
      { part: gcs, what: "bytes; stands in for Cloud Storage" },
      { part: arango, what: "embeddings and graph; stands in for ArangoDB" },
      ...(postgres === undefined ? [] : [{ part: postgres, what: "the data steward's rows" }]),
    ],
    projectId: PROJECT,
    pubsubHost,
    env: {
      GOOGLE_CLOUD_PROJECT: PROJECT,
      REDIS_URL: `redis://${redis.host}:${redis.port}`,
      UPSTASH_REDIS_REST_URL: `http://${bridge.host}:${bridge.port}`,
      UPSTASH_REDIS_REST_TOKEN: TOKEN,
      FIRESTORE_EMULATOR_HOST: `${firestore.host}:${firestore.port}`,
      PUBSUB_EMULATOR_HOST: pubsubHost,
      ARANGO_URL: arango.url,
      ARANGO_DATABASE: GRAPH_DATABASE,
      ...recordsIn(postgres),
      STORAGE_EMULATOR_HOST: gcs.url,
      GOOGLE_APPLICATION_CREDENTIALS: gcs.keyFile,
      GCS_BUCKET: BUCKET,
      METADATA_SERVER_DETECTION: "none",
    },
  };
}

/** Where there is no Postgres, the rows are in a file that the functions of this machine share. */
function recordsIn(postgres: PostgresPart | undefined): Readonly<Record<string, string>> {
  if (postgres === undefined) return { RECORDS: "sqlite" };
  return {
    RECORDS: "postgres",
    DATABASE_URL: postgres.url(RECORDS_DATABASE),
    DATABASE_CONNECTIONS: String(RECORDS_CONNECTIONS),
  };
}

/** Throws `part.missing`, naming all that are, and how to install them. */
async function refuseWithoutParts(): Promise<void> {
  const missing = (await findMissingParts()).filter(({ part }) => NEEDED.includes(part));
  if (missing.length === 0) return;
  const list = missing.map(({ lacks, remedy }) => `  ${lacks}: ${remedy}`).join("\n");
  throw new RuntimeError("part.missing", `This machine lacks what the local cloud is made of:\n${list}`);
}
