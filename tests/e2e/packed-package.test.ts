import { execFile } from "node:child_process";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

import { commandLines } from "./cli-process.ts";
import { connect } from "./client.ts";
import { REPOSITORY, runtimeProcesses } from "./runtime-process.ts";

const execute = promisify(execFile);
const TOOLS = join(REPOSITORY, "node_modules/.bin");
const processes = runtimeProcesses();
const commandLine = commandLines();
let folder: string;
let tarball: string;

beforeAll(async () => {
  folder = await processes.folder();
  await execute("npm", ["pack", "--pack-destination", folder], { cwd: REPOSITORY });
  const [packed = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  tarball = join(folder, packed);
});

/** As npm installs it; its dependencies are linked from this repository rather than fetched. */
async function install(app: string, dependencies: readonly string[]): Promise<string> {
  const modules = join(folder, app, "node_modules");
  const installed = join(modules, "symphainy");
  await mkdir(installed, { recursive: true });
  await execute("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  for (const name of dependencies) await symlink(join(REPOSITORY, "node_modules", name), join(modules, name));
  return installed;
}

describe("the packed command line", () => {
  let installed: string;

  beforeAll(async () => {
    installed = await install("cli", []);
    await symlink(join(REPOSITORY, "node_modules"), join(installed, "node_modules"));
  });

  it("comes with the launcher, the bundle and the client, and neither sources nor tests", async () => {
    const files = await readdir(installed, { recursive: true });
    const own = files.filter((file) => !file.startsWith("node_modules"));
    expect(own).toContain("infra/cli/symphainy.mjs");
    expect(own).toContain("infra/cli/dist/main.mjs");
    expect(own).toContain("infra/build/dist/client/client.js");
    expect(own.filter((file) => /(?<!\.d)\.ts$/.test(file) || file.startsWith("tests"))).toEqual([]);
  });

  it("serves a runtime and works with it", async () => {
    const launcher = join(installed, "infra/cli/symphainy.mjs");
    const dev = commandLine({}, launcher).start(["dev", "--port", "0", "--data-dir", join(installed, "data")]);
    await expect.poll(() => dev.stdout(), { timeout: 20_000 }).toContain("Symphainy Runtime is ready.");
    const url = /API +(\S+)/.exec(dev.stdout())?.[1] ?? "";
    const env = { SYMPHAINY_URL: url, SYMPHAINY_TENANT: "acme", XDG_STATE_HOME: installed };
    const cli = commandLine(env, launcher);
    const input = JSON.stringify({ ui_name: "a.csv", content_base64: "YQoxCg==" });
    const run = await cli.run(["submit", "content.ingest_file", "--wait", "--input", input]);
    expect([run.code, JSON.parse(run.stdout)]).toEqual([0, expect.objectContaining({ size_bytes: 4 })]);
    expect((await cli.run(["verify-wal"])).stdout).toContain("every hash holds");
    expect((await fetch(`${url}/console`)).status).toBe(200);
    dev.kill("SIGTERM");
    expect((await dev.exited).code).toBe(0);
  });
});

/** Another project's program: definitions of its own, and the package. */
const CONSUMER = `
  import { createClient, ProblemError, reference } from "symphainy/client";
  import * as z from "zod";

  const ingestFile = {
    type: "content.ingest_file",
    input: z.object({ ui_name: z.string(), content_base64: z.string(), ingestion_type: z.string().default("upload") }),
    output: z.object({ file_id: z.string(), size_bytes: z.number() }),
  } as const;
  const [, , baseUrl = "", token = ""] = process.argv;
  const session = createClient({ baseUrl, token }).session("acme");
  const ingest = reference<typeof ingestFile>("content.ingest_file");
  const content_base64 = btoa("a\\n1\\n");
  const file = await session.run(ingest, { ui_name: "a.csv", content_base64 });
  const sizeBytes: number = file.size_bytes;
  const handle = await session.submit(ingestFile, { ui_name: "b.csv", content_base64 });
  const types: string[] = [];
  for await (const { event_type } of handle.events()) types.push(event_type);
  const problem: unknown = await session.run(ingest, { ui_name: "", content_base64 }).catch((error: unknown) => error);
  const code = problem instanceof ProblemError ? problem.code : String(problem);
  console.log(JSON.stringify({ sizeBytes, last: types.at(-1), code }));
`;

describe("the packed client, in another project", () => {
  let app: string;

  beforeAll(async () => {
    app = dirname(dirname(await install("app", ["zod", "@types"])));
    await writeFile(join(app, "package.json"), '{"type":"module"}');
    await writeFile(join(app, "consumer.ts"), CONSUMER);
    const compilerOptions = { target: "es2024", lib: ["es2024", "dom"], types: ["node"], strict: true, noEmit: true };
    const config = { compilerOptions: { ...compilerOptions, module: "nodenext" }, files: ["consumer.ts"] };
    await writeFile(join(app, "tsconfig.json"), JSON.stringify(config));
    const bundling = { ...compilerOptions, module: "preserve" };
    await writeFile(join(app, "bundler.json"), JSON.stringify({ ...config, compilerOptions: bundling }));
  });

  /** What the compiler finds fault with. */
  const compile = (project: string): Promise<string> =>
    new Promise((resolve) => {
      execFile(join(TOOLS, "tsc"), ["--project", project], { cwd: app }, (_, stdout) => resolve(stdout));
    });

  it("compiles with the program's own definitions, by Node's rules and by a bundler's, declarations checked", async () => {
    expect(await compile("tsconfig.json")).toBe("");
    expect(await compile("bundler.json")).toBe("");
  });

  it("does not compile with a wrong member, type, output or name, and says which", async () => {
    const wrongs = [
      ['{ ui_name: "a.csv",', '{ ui_nam: "a.csv",', "ui_nam"],
      ['{ ui_name: "a.csv",', "{ ui_name: 1,", "'number' is not assignable to type 'string'"],
      ["file.size_bytes", "file.rows", "'rows' does not exist"],
      ['("content.ingest_file")', '("content.ingest_fil")', '"content.ingest_fil"'],
    ] as const;
    const files = await Promise.all(
      wrongs.map(async ([right, wrong], index) => {
        await writeFile(join(app, `wrong-${index}.ts`), CONSUMER.replace(right, wrong));
        return `wrong-${index}.ts`;
      }),
    );
    await writeFile(join(app, "wrong.json"), JSON.stringify({ extends: "./tsconfig.json", files }));
    const told = (await compile("wrong.json")).split(/^(?=wrong-)/m);
    expect(told).toHaveLength(wrongs.length);
    for (const [index, [, , why]] of wrongs.entries()) {
      expect(told[index]).toMatch(new RegExp(`^wrong-${index}\\.ts`));
      expect(told[index]).toContain(why);
    }
  });

  it("runs in Node against a runtime", async () => {
    const runtime = await processes.start();
    const { token } = await connect(runtime.url);
    const { stdout } = await execute(join(TOOLS, "node"), [join(app, "consumer.ts"), runtime.url, token]);
    expect(JSON.parse(stdout)).toEqual({ sizeBytes: 4, last: "execution_completed", code: "request.invalid" });
  });

  it("is bundled for a page, with nothing of Node's", async () => {
    const { outputFiles } = await build({
      stdin: { contents: 'export * from "symphainy/client";', resolveDir: app, loader: "js" },
      bundle: true,
      write: false,
      minify: true,
      format: "esm",
      platform: "browser",
      logLevel: "silent",
    });
    const text = outputFiles[0]?.text ?? "";
    expect(text.length).toBeGreaterThan(2_000);
    expect(text).not.toMatch(/["']node:|\brequire\(|\bprocess\.|\bBuffer\b/);
  });
});
