import { FIRESTORE_JAR, REMEDIES } from "./find-parts.ts";
import { findInCloudSdk, findProgram } from "./find-program.ts";
import { answersGet, missingPart, type Part, startPart } from "./part.ts";

const JAVA_OPTIONS = ["-Duser.language=en", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/** Google's own Firestore emulator. Throws `part.missing` without Java or the Google Cloud SDK's component. */
export async function startFirestoreEmulator({ port }: { readonly port?: number } = {}): Promise<Part> {
  const jar = await findInCloudSdk(FIRESTORE_JAR);
  const java = await findProgram("java");
  if (jar === undefined || java === undefined) {
    throw missingPart("the Firestore emulator", REMEDIES.firestore);
  }
  return startPart({
    name: "firestore-emulator",
    program: java,
    args: (chosen) => [
      ...JAVA_OPTIONS,
      "-cp",
      jar,
      "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
      "--host=127.0.0.1",
      `--port=${chosen}`,
    ],
    port,
    isReady: answersGet,
  });
}
