import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import * as z from "zod";

import { findProgram } from "../../infra/dev/parts/find-program.ts";
import { DOCKERFILE } from "./built-image.ts";

const run = promisify(execFile);
const PROGRAMS = ["/bin/sh", "/bin/rm"];
/** What Node's image on Docker Hub has besides Node, and ours must not have. */
export const INSTALLERS = [
  "usr/local/lib/node_modules/npm/package.json",
  "usr/local/bin/npm",
  "usr/local/bin/corepack",
];
const USERS = "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n";

const configForm = z.object({
  OCIv1: z.object({
    config: z.object({
      User: z.string(),
      Env: z.array(z.string()),
      Entrypoint: z.array(z.string()),
      WorkingDir: z.string(),
    }),
  }),
});
const baseForm = z.object({ FromImageDigest: z.string() });

/** An image as a builder of images made it. */
export interface OciImage {
  /** Where its files lie on this machine. */
  readonly root: string;
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly workdir: string;
}

/**
 * Builds the Dockerfile as it stands, by buildah, from a context, without a registry: it stands on an image made of this machine's Node,
 * shell and libraries, with files in the places of the tools that install, named by its digest as a release names its base.
 */
export async function buildOciImage(context: string, folder: string): Promise<OciImage> {
  const places = ["--root", join(folder, "store"), "--runroot", join(folder, "run"), "--storage-driver", "vfs"];
  const buildah = async (...args: readonly string[]): Promise<string> =>
    (await run("buildah", [...places, ...args], { maxBuffer: 16_000_000 })).stdout.trim();
  const build = ["build", "--isolation", "chroot", "--pull-never", "--quiet"];

  await fillBase(join(folder, "base"));
  await writeFile(join(folder, "base.dockerfile"), "FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/bin\n");
  await buildah(...build, "--tag", "localhost/node", "--file", join(folder, "base.dockerfile"), join(folder, "base"));
  const { FromImageDigest: digest } = baseForm.parse(JSON.parse(await buildah("inspect", "localhost/node")));
  const base = `NODE_IMAGE=localhost/node@${digest}`;
  await buildah(...build, "--tag", "localhost/symphainy", "--file", DOCKERFILE, "--build-arg", base, context);

  const { OCIv1: image } = configForm.parse(JSON.parse(await buildah("inspect", "localhost/symphainy")));
  const { User: user, Env: env, Entrypoint: entrypoint, WorkingDir: workdir } = image.config;
  const container = await buildah("from", "--pull-never", "localhost/symphainy");
  return { root: await buildah("mount", container), user, env, entrypoint, workdir };
}

/** The command that runs a program of the image as its own entry would run: in its folder, as its user, seeing nothing but its files. */
export async function commandIn(
  { root, user, workdir }: OciImage,
  command: readonly string[],
): Promise<readonly [program: string, ...args: string[]]> {
  // By its whole path: the PATH of the image is not this machine's.
  const chroot = (await findProgram("chroot")) ?? "chroot";
  const quoted = command.map((word) => `'${word}'`).join(" ");
  return [chroot, `--userspec=${user}`, root, "/bin/sh", "-c", `cd ${workdir} && exec ${quoted}`];
}

async function fillBase(folder: string): Promise<void> {
  const at = async (file: string): Promise<string> => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    return join(folder, file);
  };
  const { stdout } = await run("ldd", [process.execPath, ...PROGRAMS]);
  const libraries = new Set(stdout.match(/\/lib[^\s:]*/g));
  await Promise.all([
    at("usr/local/bin/node").then((file) => copyFile(process.execPath, file)),
    ...[...PROGRAMS, ...libraries].map(async (file) => copyFile(file, await at(file))),
    ...INSTALLERS.map(async (file) => writeFile(await at(file), "installs something")),
    at("etc/passwd").then((file) => writeFile(file, USERS)),
    at("etc/group").then((file) => writeFile(file, "root:x:0:\nnode:x:1000:\n")),
    mkdir(join(folder, "tmp"), { recursive: true }),
  ]);
  await chmod(join(folder, "tmp"), 0o1777);
}
