import { execFile } from "node:child_process";
import { mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { beforeAll, describe, expect, it } from "vitest";

import { commandLines } from "./cli-process.ts";
import { REPOSITORY, runtimeProcesses } from "./runtime-process.ts";

const execute = promisify(execFile);
const processes = runtimeProcesses();
const commandLine = commandLines();

describe("the packed package", () => {
  let installed: string;

  beforeAll(async () => {
    const folder = await processes.folder();
    await execute("npm", ["pack", "--pack-destination", folder], { cwd: REPOSITORY });
    const [tarball = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
    installed = join(folder, "node_modules/symphainy-runtime");
    await mkdir(installed, { recursive: true });
    await execute("tar", ["-xzf", join(folder, tarball), "--strip-components=1", "-C", installed]);
    // What npm would install beside it: the dependencies, of this very repository.
    await symlink(join(REPOSITORY, "node_modules"), join(installed, "node_modules"));
  });

  it("has the launcher and the bundle, and neither sources nor tests", async () => {
    const files = await readdir(installed, { recursive: true });
    const own = files.filter((file) => !file.startsWith("node_modules"));
    expect(own).toContain("infra/cli/symphainy.mjs");
    expect(own).toContain("infra/cli/dist/main.mjs");
    expect(own.filter((file) => file.endsWith(".ts") || file.startsWith("tests"))).toEqual([]);
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
    dev.kill("SIGTERM");
    expect((await dev.exited).code).toBe(0);
  });
});
