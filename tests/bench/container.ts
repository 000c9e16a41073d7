import { readFileSync } from "node:fs";

/** What V8 gives the old objects of a process in a container of 512 MB, as a function has (`v8.getHeapStatistics`). */
const OLD_SPACE_MB = 256;

/** The environment of a server as in such a container, from our image: V8 sees no container here, so it is told what it would choose. */
export const ofTheImage = heap(imageOptions());

/** The same without what the image says: V8 would choose the smallest space there is for what was just made. */
export const ofV8Alone = heap("--max-semi-space-size=1");

function heap(options: string): { readonly NODE_OPTIONS: string } {
  return { NODE_OPTIONS: `--max-old-space-size=${OLD_SPACE_MB} ${options}` };
}

function imageOptions(): string {
  const file = readFileSync(new URL("../../infra/build/image.dockerfile", import.meta.url), "utf8");
  const options = /^ENV NODE_OPTIONS=(.*)$/m.exec(file)?.[1];
  if (options === undefined) throw new Error("the Dockerfile says no NODE_OPTIONS");
  return options;
}
