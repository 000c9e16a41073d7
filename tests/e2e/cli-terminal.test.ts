import { setTimeout as sleep } from "node:timers/promises";

import { beforeAll, describe, expect, it } from "vitest";

import { type CliRuntime, PATIENTLY, startCliRuntime } from "../kit/cli-runtime.ts";
import { type Cli, commandLines, timeless } from "./cli-process.ts";
import { runtimeProcesses, SLOW_RUNTIME } from "./runtime-process.ts";
import { createScreen } from "./terminal-screen.ts";

const processes = runtimeProcesses();
const commandLine = commandLines();
const SIZE = { columns: 100, rows: 30 };

describe("the timeline on a terminal", () => {
  let env: Readonly<Record<string, string>>;
  let cli: Cli;
  let submitted: CliRuntime["submitted"];

  beforeAll(async () => {
    ({ env, cli, submitted } = await startCliRuntime(processes, commandLine));
    await cli.run(["status"]);
  });

  it("is drawn over and over in place, and what is left is the last frame", async () => {
    const id = await submitted("test.slow", { label: "x", step_ms: 2_000 });
    const { exited, stdout } = cli.onTerminal(["watch", id], SIZE);
    await expect
      .poll(() => createScreen(stdout(), SIZE).lines().join("\n"), PATIENTLY)
      .toMatch(/running[^]*[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] (?:first|second)[^]*· third/);
    await exited;
    const screen = createScreen(stdout(), SIZE);
    expect(screen.cursorVisible()).toBe(true);
    expect(timeless(screen.lines().join("\n")).replaceAll(/[━·]+/g, "BAR")).toMatchInlineSnapshot(`
      "test.slow  execution_ID  completed TOOK
        ✓ first   BAR TOOK
        ✓ second  BAR TOOK
        ✓ third   BAR TOOK
      exit 0
      icanon
      echo"
    `);
    // Many frames, one picture.
    expect(stdout().split("\u001b[0J").length).toBeGreaterThan(8);
    expect(stdout()).toContain("\u001b[32m");
  });

  it("has no colours with NO_COLOR", async () => {
    const id = await submitted("test.slow", { label: "x", step_ms: 1 });
    const { exited, stdout } = commandLine({ ...env, NO_COLOR: "1" }).onTerminal(["watch", id], SIZE);
    await exited;
    expect(stdout()).not.toMatch(/\u001b\[[0-9;]*m/);
    expect(stdout()).toContain("✓ third");
  });

  it("leaves the terminal sane at Ctrl-C, and the execution alone", async () => {
    const id = await submitted("test.approval", { item: "x" });
    const { exited, stdout, type } = cli.onTerminal(["watch", id], SIZE);
    await expect.poll(() => stdout(), PATIENTLY).toContain("It waits for");
    expect(createScreen(stdout(), SIZE).cursorVisible()).toBe(false);
    type("\u0003");
    await exited;
    const screen = createScreen(stdout(), SIZE);
    expect(screen.cursorVisible()).toBe(true);
    expect(screen.lines().slice(-3)).toEqual(["exit 130", "icanon", "echo"]);
    const { stdout: status } = await cli.run(["status", id, "--json"]);
    expect(status).toContain('"status":"suspended"');
  });

  it("fits a terminal that is too low and too narrow for it", async () => {
    const small = { columns: 40, rows: 5 };
    const id = await submitted("test.slow", { label: "x", step_ms: 400 });
    const { exited, stdout } = cli.onTerminal(["watch", id], small);
    await exited;
    const lines = createScreen(stdout(), { columns: 40, rows: 200 }).lines();
    expect(lines.every((line) => line.length < 40)).toBe(true);
    expect(lines.filter((line) => line.includes("✓ third"))).toHaveLength(1);
  });

  it("goes on after the runtime was killed and started again", async () => {
    const own = await processes.start({ entry: SLOW_RUNTIME });
    const port = new URL(own.url).port;
    const other = commandLine({ ...env, SYMPHAINY_URL: own.url });
    const { stdout: id } = await other.run(["submit", "test.slow", "--input", '{"label":"x","step_ms":2500}']);
    const watching = other.onTerminal(["watch", id.trim()], SIZE);
    await expect.poll(() => watching.stdout(), PATIENTLY).toContain("running");
    await own.kill();
    await expect
      .poll(() => createScreen(watching.stdout(), SIZE).lines().join("\n"), PATIENTLY)
      .toContain("The connection to");
    await sleep(300);
    await processes.start({ entry: SLOW_RUNTIME, dataDir: own.dataDir, env: { PORT: port } });
    await watching.exited;
    const last = createScreen(watching.stdout(), SIZE).lines().join("\n");
    expect(last).toMatch(/completed[^]*✓ first[^]*✓ third[^]*exit 0/);
    expect(last).not.toContain("The connection to");
  });

  it("shows the steps on stderr while --wait leaves stdout to the output", async () => {
    const { exited, stdout } = cli.onTerminal(
      ["submit", "test.slow", "--wait", "--input", '{"label":"x","step_ms":20}'],
      SIZE,
    );
    await exited;
    expect(timeless(createScreen(stdout(), SIZE).lines().join("\n"))).toMatch(
      /✓ third[^]*\n\{\n {2}"label": "x",[^]*exit 0/,
    );
  });
});
