import { execFile } from "node:child_process";
import { cp, readFile } from "node:fs/promises";
import { dirname, join, matchesGlob } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const DOCKERFILE = fileURLToPath(new URL("../../infra/build/image.dockerfile", import.meta.url));
const KNOWN = ["ARG", "FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "ENTRYPOINT"];

/** What the Dockerfile says, in its own order, and what an image is that was built by it without Docker. */
export interface BuiltImage {
  readonly instructions: readonly (readonly [name: string, value: string])[];
  /** The folder that is its WORKDIR. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  /** Program and arguments; the program is Node's, by its name. */
  readonly entrypoint: readonly string[];
}

/**
 * Carries out the Dockerfile with `context` as its build context and an empty folder as its WORKDIR. What it removes from the base
 * image is not there to be removed; every other command runs as it stands.
 */
export async function buildImage(context: string, folder: string): Promise<BuiltImage> {
  const instructions = await readInstructions();
  const ignored = (await readFile(`${DOCKERFILE}.dockerignore`, "utf8")).trim().split("\n");
  const env: Record<string, string> = {};
  let workdir = "";
  let user = "root";
  let entrypoint: readonly string[] = [];
  for (const [name, value] of instructions) {
    switch (name) {
      case "WORKDIR":
        workdir = value;
        break;
      case "COPY":
        if (value !== ". .") throw new Error(`this test knows no COPY ${value}`);
        await cp(context, folder, {
          recursive: true,
          filter: (source) => !ignored.some((glob) => matchesGlob(source.slice(context.length + 1), glob)),
        });
        break;
      case "ENV": {
        const [, variable = "", given = ""] = /^(\w+)=(.*)$/.exec(value) ?? [];
        env[variable] = given.replace(workdir, folder);
        break;
      }
      case "RUN": {
        const [program = "", ...args] = value.split(" ");
        if (program === "rm") break;
        if (program !== "node") throw new Error(`this test knows no RUN ${program}`);
        await promisify(execFile)(process.execPath, args, { cwd: folder, env: { ...process.env, ...env } });
        break;
      }
      case "USER":
        user = value;
        break;
      case "ENTRYPOINT":
        entrypoint = JSON.parse(value) as string[];
    }
  }
  return { instructions, folder, env, user, entrypoint };
}

async function readInstructions(): Promise<BuiltImage["instructions"]> {
  const lines = (await readFile(DOCKERFILE, "utf8")).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [name = "", ...rest] = line.split(" ");
    if (!KNOWN.includes(name)) throw new Error(`${dirname(DOCKERFILE)}: this test knows no instruction ${name}`);
    return [name, rest.join(" ")] as const;
  });
}

/** The commands that the Dockerfile's head tells people to use. */
export async function documentedCommands(): Promise<readonly string[]> {
  const lines = (await readFile(join(DOCKERFILE), "utf8")).split("\n");
  return lines.filter((line) => /^# {3}\S/.test(line)).map((line) => line.slice(4));
}
