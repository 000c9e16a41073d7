import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, glob, realpath } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The absolute path of a program on PATH; undefined when it is not there. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
    const candidate = path.join(folder, name);
    const isThere = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  return undefined;
}

/** The one file that matches a pattern below the Google Cloud SDK's `platform` folder; undefined without the SDK or the file. */
export async function findInCloudSdk(pattern: string): Promise<string | undefined> {
  const gcloud = await findProgram("gcloud");
  if (gcloud === undefined) return undefined;
  const beside = path.resolve(path.dirname(await realpath(gcloud)), "..");
  for (const root of [beside, await sdkRoot(gcloud)]) {
    if (root === undefined) continue;
    for await (const found of glob(`platform/${pattern}`, { cwd: root })) return path.join(root, found);
  }
  return undefined;
}

/** What gcloud itself says; asked only when the SDK is not where the program is, because it takes a second. */
async function sdkRoot(gcloud: string): Promise<string | undefined> {
  const answer = await run(gcloud, ["info", "--format=value(installation.sdk_root)"]).catch(() => undefined);
  return answer?.stdout.trim();
}
