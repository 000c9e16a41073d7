import { appendFile, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { expect, it } from "vitest";
import * as z from "zod";

import { systemClock } from "../../../infra/adapters/system/system.ts";
import { verifyWal } from "../../../infra/cli/commands/verify-wal.ts";
import { runCli } from "../../../infra/cli/run-cli.ts";
import { durationMs } from "../../../shared/duration.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import { newSession, openRuntime } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

const greet = intent("test.greet", { version: 1, description: "Greets.", input: z.object({}), output: z.object({}) })
  .step("greet", { run: () => ({ said: "Grüß Gott" }) })
  .returns(() => ({}));

/** The log of two days as the job exports it, and the command line of an auditor who has nothing but the files. */
async function twoDays(folder: string) {
  let nowMs = Date.parse("2026-01-01T10:00:00.000Z");
  const clock = { now: () => nowMs, sleep: systemClock.sleep };
  await using runtime = await openRuntime({ intents: [greet], clock, folder });
  for (let day = 0; day < 2; day += 1) {
    await runtime.run("test.greet", {}, { sessionId: await newSession(runtime.services, runtime.tenantId) });
    nowMs += durationMs("1d");
  }
  nowMs += durationMs("1d");
  const days = await runtime.services.logExport.run(runtime.tenantId);
  expect(days.map(({ date }) => date)).toEqual(["2026-01-01", "2026-01-02"]);
  return { wal: join(folder, "objects/wal/acme"), files: days.map(({ path }) => join(folder, "objects", path)) };
}

async function verify(...args: readonly string[]) {
  const printed = { stdout: "", stderr: "" };
  const into = (name: keyof typeof printed) => ({ write: (text: string) => (printed[name] += text) !== "" });
  const code = await runCli(["verify-wal", ...args], [verifyWal], {
    env: {},
    stdin: process.stdin,
    stdout: into("stdout"),
    stderr: into("stderr"),
    now: () => 0,
    sleep: () => Promise.resolve(),
    interrupted: new AbortController().signal,
  });
  return { code, ...printed };
}

it("an exported log is verified by its files alone, all of it or a day", async () => {
  await using folder = await temporaryFolder();
  const { wal, files } = await twoDays(folder.path);
  const whole = await verify("--export", wal, "--json");
  expect([whole.code, JSON.parse(whole.stdout)]).toMatchObject([
    0,
    { verified: true, files: 2, faults: [], altered: [], unended: [] },
  ]);
  expect(await verify("--export", files[1] ?? "")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/chains \(files: 1\): every hash holds\.\n/),
  });
});

it("a day that was exported again counts once, as it was exported last", async () => {
  await using folder = await temporaryFolder();
  const { wal, files } = await twoDays(folder.path);
  const [first = ""] = files;
  const [line = ""] = (await readFile(first, "utf8")).split("\n");
  await writeFile(join(dirname(first), `${"0".repeat(64)}.jsonl`), `${line}\n`);
  expect(await readdir(dirname(first))).toHaveLength(2);
  expect(await verify("--export", wal)).toMatchObject({ code: 0, stdout: expect.stringContaining("(files: 2)") });
});

it("what was changed, cut off, or left out of it is told", async () => {
  await using folder = await temporaryFolder();
  const { wal, files } = await twoDays(folder.path);
  const [first = "", second = ""] = files;
  const text = await readFile(first, "utf8");
  const lines = text.trimEnd().split("\n");

  await writeFile(first, text.replace('"step_completed"', '"step_compensated"'));
  const changed = await verify("--export", wal);
  expect(changed).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^ALTERED .*\nBROKEN {2}execution_.*changed/),
  });

  await writeFile(first, `${lines.slice(0, -1).join("\n")}\n`);
  const cutOff = await verify("--export", wal, "--json");
  expect([cutOff.code, JSON.parse(cutOff.stdout)]).toMatchObject([
    1,
    { faults: [], altered: [first], unended: [expect.stringMatching(/^execution_/)] },
  ]);

  await writeFile(first, `${lines.toSpliced(2, 1).join("\n")}\n`);
  expect(await verify("--export", wal)).toMatchObject({ code: 1, stdout: expect.stringContaining("missing") });

  await writeFile(first, text);
  await appendFile(second, '{"not":"an entry"}\n');
  await rename(second, join(dirname(second), "renamed.jsonl"));
  expect(await verify("--export", wal)).toMatchObject({ code: 1, stdout: expect.stringContaining("changed") });
});

it("a path that is not there, and choices that do not go with files, are refused", async () => {
  await using folder = await temporaryFolder();
  for (const args of [
    ["--export", join(folder.path, "none")],
    ["--export", folder.path],
    ["--export", ".", "--from", "3d"],
  ]) {
    expect(await verify(...args)).toMatchObject({ code: 2, stdout: "" });
  }
});
