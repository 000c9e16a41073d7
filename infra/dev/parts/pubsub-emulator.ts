import { PUBSUB_JAR, REMEDIES } from "./find-parts.ts";
import { findInCloudSdk, findProgram } from "./find-program.ts";
import { answersGet, missingPart, type Part, startPart } from "./part.ts";

/** Google's own Pub/Sub emulator. Throws `part.missing` without Java or the Google Cloud SDK's component. */
export async function startPubsubEmulator({ port }: { readonly port?: number } = {}): Promise<Part> {
  const jar = await findInCloudSdk(PUBSUB_JAR);
  const java = await findProgram("java");
  if (jar === undefined || java === undefined) {
    throw missingPart("the Pub/Sub emulator", REMEDIES.pubsub);
  }
  return startPart({
    name: "pubsub-emulator",
    program: java,
    args: (chosen) => ["-Xmx256m", "-XX:+UseSerialGC", "-jar", jar, "--host=127.0.0.1", `--port=${chosen}`],
    port,
    isReady: answersGet,
  });
}
