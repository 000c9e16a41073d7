import { fileURLToPath } from "node:url";
import { join } from "node:path";

import { answersGet, type Part, startPart } from "./part.ts";
import { makeServiceAccount } from "./gcs-standin-signatures.ts";

export interface GcsStandinOptions {
  /** Where it keeps its objects: the same folder again is the same buckets. */
  readonly directory: string;
  readonly port?: number | undefined;
  /** Made when they are not there. */
  readonly buckets?: readonly string[] | undefined;
}

export interface GcsStandin extends Part {
  /** For STORAGE_EMULATOR_HOST, or the client's `apiEndpoint`. */
  readonly url: string;
  /** For GOOGLE_APPLICATION_CREDENTIALS: a service account whose signatures it accepts, and nobody else. */
  readonly keyFile: string;
}

/**
 * Google's Cloud Storage as far as this project uses it: stands in for the service, of which no usable emulator exists.
 * Objects rest on disk and are streamed; preconditions, checksums and V4 signatures are checked as the service checks them.
 */
export async function startGcsStandin({ directory, port, buckets = [] }: GcsStandinOptions): Promise<GcsStandin> {
  const keyFile = join(directory, "service-account.json");
  await makeServiceAccount(keyFile);
  const script = fileURLToPath(new URL("./gcs-standin-process.ts", import.meta.url));
  const part = await startPart({
    name: "gcs-standin",
    program: process.execPath,
    args: (chosen) => [script, String(chosen), directory, keyFile, ...buckets],
    port,
    isReady: answersGet,
  });
  return { ...part, url: `http://${part.host}:${part.port}`, keyFile };
}
