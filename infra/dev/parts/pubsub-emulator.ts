import { findInCloudSdk, findProgram } from "./find-program.ts";
import { answersGet, missingPart, type Part, startPart } from "./part.ts";

/** Google's own Pub/Sub emulator. Throws `part.missing` without Java or the Google Cloud SDK's component. */
export async function startPubsubEmulator({ port }: { readonly port?: number } = {}): Promise<Part> {
  const jar = await findInCloudSdk("pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar");
  const java = await findProgram("java");
  if (jar === undefined || java === undefined) {
    throw missingPart("the Pub/Sub emulator", "gcloud components install pubsub-emulator (and a Java runtime)");
  }
  return startPart({
    name: "pubsub-emulator",
    program: java,
    args: (chosen) => ["-Xmx256m", "-XX:+UseSerialGC", "-jar", jar, "--host=127.0.0.1", `--port=${chosen}`],
    port,
    isReady: answersGet,
  });
}
