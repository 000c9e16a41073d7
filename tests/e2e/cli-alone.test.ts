import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { commandLines } from "./cli-process.ts";
import { REPOSITORY, runtimeProcesses } from "./runtime-process.ts";

const processes = runtimeProcesses();
const commandLine = commandLines();
/** A process may take seconds to start on a machine that is busy. */
const PATIENTLY = { timeout: 20_000 };

describe("the command line without a runtime", () => {
  it("says how to start one, and ends with 3", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const cli = commandLine({ SYMPHAINY_TENANT: "acme", XDG_STATE_HOME: await processes.folder() });
    const { code, stderr } = await cli.run(["intents", "--url", `http://127.0.0.1:${port}`]);
    expect([code, stderr]).toEqual([3, expect.stringContaining("Start one with: npx symphainy dev")]);
  });

  it("tells its version, which is the package's", async () => {
    const { version } = JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")) as { version: string };
    expect(await commandLine({}).run(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("explains each command", async () => {
    const cli = commandLine({});
    const { stdout, code } = await cli.run(["--help"]);
    expect(code).toBe(0);
    const names = [...stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name]) => name ?? "");
    expect(names).toEqual(
      expect.arrayContaining([
        "dev",
        "submit",
        "status",
        "watch",
        "wal",
        "replay",
        "verify-wal",
        "cancel",
        "retry",
        "fork",
        "signal",
        "pending",
        "take-up",
        "intents",
        "token",
        "completion",
      ]),
    );
    await Promise.all(
      names.map(async (name) => {
        const help = await cli.run([name, "--help"]);
        expect([name, help.code, help.stdout]).toEqual([
          name,
          0,
          expect.stringMatching(/^Usage: symphainy [^]*^Examples:\n {2}\S/m),
        ]);
      }),
    );
  });

  it("serves a runtime itself, and stops as one", async () => {
    const dataDir = join(await processes.folder(), "data");
    const cli = commandLine({});
    const dev = cli.start(["dev", "--port", "0", "--data-dir", dataDir]);
    await expect.poll(() => dev.stdout(), PATIENTLY).toContain("Symphainy Runtime is ready.");
    const url = /API +(\S+)/.exec(dev.stdout())?.[1] ?? "";
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    dev.kill("SIGINT");
    const { code, stderr } = await dev.exited;
    expect([code, stderr]).toEqual([0, expect.stringContaining('"stopped"')]);
  });
});
