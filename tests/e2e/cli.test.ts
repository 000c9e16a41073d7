import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { beforeAll, describe, expect, it } from "vitest";

import { type CliRuntime, PATIENTLY, startCliRuntime } from "../kit/cli-runtime.ts";
import { type Cli, commandLines, timeless } from "./cli-process.ts";
import { runtimeProcesses, type RuntimeProcess, SLOW_RUNTIME } from "./runtime-process.ts";

const processes = runtimeProcesses();
const commandLine = commandLines();

describe("the command line against a runtime", () => {
  let runtime: RuntimeProcess;
  let env: Readonly<Record<string, string>>;
  let cli: Cli;
  let submitted: CliRuntime["submitted"];

  beforeAll(async () => {
    ({ runtime, env, cli, submitted } = await startCliRuntime(processes, commandLine));
  });

  const until = async (id: string, state: string): Promise<void> => {
    for (let tries = 0; tries < 100; tries += 1) {
      const { stdout } = await cli.run(["status", id, "--json"]);
      if ((JSON.parse(stdout) as { status: string }).status === state) return;
      await sleep(30);
    }
    throw new Error(`${id} never became ${state}`);
  };

  it("tells once that dev mode gave the token, and works in one remembered session", async () => {
    const fresh = commandLine({ ...env, XDG_STATE_HOME: await processes.folder(), SYMPHAINY_TENANT: "remembered" });
    const input = ["--input", '{"label":"a","step_ms":1}'];
    const first = await fresh.run(["submit", "test.slow", ...input]);
    expect(first.stderr).toMatch(/^Dev mode: .* as remembered without --token\. \(Told once\.\)\n$/);
    const second = await fresh.run(["submit", "test.slow", ...input]);
    expect(second).toMatchObject({ code: 0, stderr: "" });
    const { stdout } = await fresh.run(["status", "--json"]);
    const sessions = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { session_id: string }).session_id);
    expect(sessions).toHaveLength(2);
    expect(new Set(sessions).size).toBe(1);
  });

  it("creates a new session when the remembered one is gone", async () => {
    const folder = await processes.folder();
    const other = commandLine({ ...env, XDG_STATE_HOME: folder });
    expect((await other.run(["submit", "test.slow", "--input", '{"label":"a","step_ms":1}'])).code).toBe(0);
    const file = join(folder, "symphainy/sessions.json");
    await writeFile(
      file,
      JSON.stringify({ [`acme ${runtime.url}`]: { session_id: "session_gone", dev_mode_told: true } }),
    );
    const { code, stderr, stdout } = await other.run(["submit", "test.slow", "--input", '{"label":"a","step_ms":1}']);
    expect([code, stderr]).toEqual([0, "The session session_gone is over; a new one is created.\n"]);
    expect(stdout).toMatch(/^execution_/);
  });

  it("submits from --input, a file and stdin, waits, and prints the output alone", async () => {
    const json = JSON.stringify({ label: "same", step_ms: 5 });
    const file = join(await processes.folder(), "input.json");
    await writeFile(file, json);
    const runs = await Promise.all([
      cli.run(["submit", "test.slow", "--wait", "--input", json]),
      cli.run(["submit", "test.slow", "--wait", "--file", file]),
      cli.run(["submit", "test.slow", "--wait", "--file", "-"], { stdin: json }),
      cli.run(["submit", "test.slow", "-", "--wait"], { stdin: json }),
    ]);
    for (const { code, stdout } of runs) {
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ label: "same" });
    }
  });

  it("makes one execution of one idempotency key", async () => {
    const args = ["submit", "test.slow", "--input", '{"label":"k","step_ms":1}', "--idempotency-key", "k1"];
    const [one, other] = [await cli.run(args), await cli.run(args)];
    expect(one.stdout).toMatch(/^execution_/);
    expect(other.stdout).toBe(one.stdout);
  });

  it("shows, watches, replays and verifies an execution", async () => {
    const id = await submitted("test.slow", { label: "x", step_ms: 60 });
    const watched = await cli.run(["watch", id]);
    expect(watched.code).toBe(0);
    expect(timeless(watched.stdout)).toMatchInlineSnapshot(`
      " TOOK  intent_received             test.slow v1
       TOOK  execution_started
       TOOK  saga_started
       TOOK  step_started                first
       TOOK  step_completed              first
       TOOK  step_started                second
       TOOK  step_completed              second
       TOOK  step_started                third
       TOOK  step_completed              third
       TOOK  execution_completed         0 artifacts, 0 events
      "
    `);
    expect(timeless((await cli.run(["status", id])).stdout)).toMatchInlineSnapshot(`
      "test.slow  execution_ID  completed TOOK
        ✓ first TOOK
        ✓ second TOOK
        ✓ third TOOK
      {
        "label": "x",
        "processes": PIDS
      }
      "
    `);
    const replayed = await cli.run(["replay", id]);
    expect([replayed.code, timeless(replayed.stdout)]).toMatchInlineSnapshot(`
      [
        0,
        "test.slow  execution_ID  completed TOOK
        ✓ first TOOK
        ✓ second TOOK
        ✓ third TOOK
      Its 10 entries fold to the stored state.
      ",
      ]
    `);
    expect(timeless((await cli.run(["replay", id, "--at", "5"])).stdout)).toMatchInlineSnapshot(`
      "test.slow  execution_ID  running TOOK
        ✓ first TOOK
      "
    `);
    const verified = await cli.run(["verify-wal", id]);
    expect(verified).toEqual({ code: 0, stdout: "10 entries in 1 chains: every hash holds.\n", stderr: "" });
  });

  it("signals, and ends with 1 when the saga turns back", async () => {
    const id = await submitted("test.approval", { item: "x" });
    await until(id, "suspended");
    expect(timeless((await cli.run(["status", id])).stdout)).toMatchInlineSnapshot(`
      "test.approval  execution_ID  suspended TOOK
        ✓ reserve TOOK
        ◷ approval TOOK  gives up in TOOK
        It waits for the signal approval:
          symphainy signal execution_ID approval --input '{}'
      "
    `);
    expect((await cli.run(["signal", id, "approval", "--input", '{"by":"me","ok":false}'])).code).toBe(0);
    const watched = await cli.run(["watch", id, "--json"]);
    expect(watched.code).toBe(1);
    const types = watched.stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { event_type: string }).event_type);
    expect(types.slice(-4)).toEqual(["step_started", "step_failed", "step_compensated", "execution_compensated"]);
    const again = await cli.run(["retry", id]);
    expect(again.stdout).toMatch(/^execution_/);
    expect(again.stdout.trim()).not.toBe(id);
  });

  it("repeats in a new session when the old one is over, once, and forks from a step", async () => {
    const id = await submitted("test.approval", { item: "z" });
    expect((await cli.run(["signal", id, "approval", "--input", '{"by":"me","ok":false}'])).code).toBe(0);
    await until(id, "compensated");
    const { stdout } = await cli.run(["status", id, "--json"]);
    const { session_id: session } = JSON.parse(stdout) as { session_id: string };
    const { token } = JSON.parse((await cli.run(["token", "--json"])).stdout) as { token: string };
    const closed = await fetch(`${runtime.url}/session/${session}/close`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ tenant_id: "acme" }),
    });
    expect(closed.status).toBe(200);
    const again = await cli.run(["retry", id]);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("session is over; a new one is created")]);
    const twice = await cli.run(["retry", id, "--json"]);
    expect(twice).toMatchObject({ code: 4, stderr: expect.stringContaining('"code":"execution.retried"') as string });
    const forked = await cli.run(["fork", id, "reserve", "--input", '{"item":"pen"}']);
    expect(forked.stdout).toMatch(/^execution_/);
    expect((await cli.run(["fork", id, "nowhere"])).code).toBe(4);
  });

  it("lists what waits for somebody, and takes it up, once", async () => {
    const run = async (intent: string, input: object) => {
      const { code, stdout } = await cli.run(["submit", intent, "--wait", "--input", JSON.stringify(input)]);
      expect(code).toBe(0);
      return JSON.parse(stdout) as Readonly<Record<string, string>>;
    };
    const file = await run("content.ingest_file", { ui_name: "a.csv", content_base64: btoa("a\n1\n") });
    const { file_id, boundary_contract_id } = file;
    await run("content.save_materialization", { file_id, boundary_contract_id });
    const listed = await cli.run(["pending", "--target", file_id ?? ""]);
    const line = new RegExp(`^\\S+  (intent_\\S+)  pending      content.parse_content  ${file_id}\n$`);
    expect([listed.code, listed.stdout]).toEqual([0, expect.stringMatching(line)]);
    const waits = line.exec(listed.stdout)?.[1] ?? "";
    const taken = await cli.run(["take-up", waits]);
    expect([taken.code, taken.stdout]).toEqual([0, expect.stringMatching(/^execution_/)]);
    await until(taken.stdout.trim(), "completed");
    expect((await cli.run(["take-up", waits])).code).toBe(4);
    expect((await cli.run(["pending", "--target", file_id ?? ""])).stdout).toBe("");
  });

  it("cancels", async () => {
    const id = await submitted("test.approval", { item: "y" });
    await until(id, "suspended");
    expect((await cli.run(["cancel", id])).code).toBe(0);
    await until(id, "cancelled");
    expect((await cli.run(["cancel", id])).code).toBe(4);
  });

  it("filters the log, and follows it", async () => {
    await Promise.all(["a", "b"].map((label) => submitted("test.slow", { label, step_ms: 1 })));
    const following = cli.start(["wal", "--follow", "--type", "intent_received", "--limit", "1", "--json"]);
    const followed = () =>
      Array.from(following.stdout().matchAll(/"execution_id":"([^"]+)","saga_id"/g), ([, executionId]) => executionId);
    await expect.poll(() => following.stdout(), PATIENTLY).not.toBe("");
    const [newest] = followed();
    const ids = [
      await submitted("test.slow", { label: "1", step_ms: 1 }),
      await submitted("test.slow", { label: "2", step_ms: 1 }),
    ];
    // Nothing of what is older than what was shown comes after it.
    await expect.poll(followed, PATIENTLY).toEqual([newest, ...ids]);
    following.kill("SIGINT");
    expect((await following.exited).code).toBe(130);

    const own = await cli.run(["wal", "--execution", ids[0] ?? "", "--order", "chronological"]);
    expect(timeless(own.stdout)).toContain("TIME  intent_received             execution_ID  test.slow v1\n");
    const old = await cli.run(["wal", "--to", "2020-01-01T00:00:00Z"]);
    expect(old).toEqual({ code: 0, stdout: "", stderr: "" });
    const before = await cli.run(["wal", "--from", "999999999999d"]);
    expect([before.code, before.stderr]).toEqual([2, expect.stringContaining("which is before 1970")]);
    expect(
      (await cli.run(["wal", "--from", "1h", "--type", "execution_cancelled"])).stdout.trim().split("\n"),
    ).toHaveLength(1);
  });

  it("draws a plan, and finds what was meant", async () => {
    expect((await cli.run(["intents", "test.approval"])).stdout).toMatchInlineSnapshot(`
      "test.approval  v1  POST /test/approval
      Reserves, waits for an approval, and ships.

        ○ accept
        │
        ■ reserve  can be undone, 1 min each, up to 3 attempts
        │
        ◷ approval  waits for its signal, for 2 d, then compensates
        │
        ■ check  1 min each, up to 3 attempts
        │
        ■ ship  1 min each, up to 3 attempts
        │
        ● done
        a commit for each step, and one to accept

      Input, as JSON Schema:
      {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
          "item": {
            "type": "string"
          }
        },
        "required": [
          "item"
        ],
        "additionalProperties": false
      }
      "
    `);
    expect(await cli.run(["intents", "test.aproval"])).toEqual({
      code: 4,
      stdout: "",
      stderr: "Error: There is no intent test.aproval. Did you mean test.approval?\n  code intent.unknown_type\n",
    });
    const submission = await cli.run(["submit", "ingest_fil", "--input", "{}"]);
    expect([submission.code, submission.stderr]).toEqual([
      4,
      expect.stringContaining("Did you mean content.ingest_file"),
    ]);
  });

  it("names each fault of the input, as text and as JSON", async () => {
    const text = await cli.run(["submit", "test.slow", "--input", '{"label":1}']);
    expect([text.code, text.stderr]).toEqual([
      4,
      expect.stringMatching(/\n {2}parameters\.label: .*\n {2}parameters\.step_ms: /),
    ]);
    const json = await cli.run(["submit", "test.slow", "--input", '{"label":1}', "--json"]);
    expect(JSON.parse(json.stderr)).toMatchObject({
      code: "intent.bad_parameters",
      exit_code: 4,
      errors: [{ path: "parameters.label" }, { path: "parameters.step_ms" }],
    });
  });

  it("knows its own exit codes: usage 2, refused 4", async () => {
    const faults: readonly (readonly [string[], number, RegExp])[] = [
      [[], 2, /Usage: symphainy <command>/],
      [["wtach"], 2, /Did you mean watch\?/],
      [["watch"], 2, /needs <execution_id>/],
      [["watch", "a", "b"], 2, /"b"/],
      [["wal", "--typ", "x"], 2, /Did you mean --type or --to\?/],
      [["wal", "--type", "step_complete"], 2, /did you mean step_completed\?/],
      [["wal", "--from", "yesterday"], 2, /or how long ago/],
      [["wal", "--limit", "0"], 2, /whole number/],
      [["submit", "test.slow", "--input", "{"], 2, /--input is no JSON/],
      [["submit", "test.slow", "--input", "[]"], 2, /must be a JSON object/],
      [["submit", "test.slow", "--input", "{}", "--file", "x"], 2, /once/],
      [["submit", "test.slow", "--file", "/nowhere"], 2, /cannot be read/],
      [["status", "execution_none"], 4, /execution\.not_found/],
      [["replay", "execution_none"], 4, /execution\.not_found/],
      [["verify-wal", "execution_none"], 4, /execution\.not_found/],
      [["watch", "execution_none"], 4, /execution\.not_found/],
      [["status", "--token", "nonsense"], 4, /auth\.bad_token/],
      [["status", "--url", "https://runtime.example"], 4, /not this machine/],
    ];
    await Promise.all(
      faults.map(async ([args, code, message]) => {
        const exit = await cli.run(args);
        expect([args, exit.code, exit.stderr]).toEqual([args, code, expect.stringMatching(message)]);
      }),
    );
    const noTenant = await cli.run(["status"], { env: { SYMPHAINY_TENANT: "" } });
    expect([noTenant.code, noTenant.stderr]).toEqual([2, expect.stringContaining("--tenant acme")]);
  });

  it("prints a token that works, also for another tenant only in its own name", async () => {
    const { stdout } = await cli.run(["token", "--tenant", "globex"]);
    const token = stdout.trim();
    expect((await cli.run(["status", "--tenant", "globex", "--token", token])).code).toBe(0);
    const foreign = await cli.run(["status", "--token", token]);
    expect([foreign.code, foreign.stderr]).toEqual([4, expect.stringContaining("tenant.not_found")]);
  });

  it("lets no tenant's data speak to the terminal", async () => {
    const evil = `\u001b[31mred\u009b2J\u202e`;
    const run = await cli.run([
      "submit",
      "test.slow",
      "--wait",
      "--input",
      JSON.stringify({ label: evil, step_ms: 1 }),
    ]);
    expect(run.stdout).not.toMatch(/[\u001b\u009b\u202e]/);
    expect(JSON.parse(run.stdout)).toMatchObject({ label: evil });
  });

  it("ends quietly when its reader has seen enough", async () => {
    const piped = cli.piped(["wal", "--follow", "--limit", "1"], '| head -1; echo "ended ${PIPESTATUS[0]}"');
    await expect.poll(() => piped.stdout(), PATIENTLY).not.toBe("");
    await submitted("test.slow", { label: "more", step_ms: 1 });
    const { stdout, stderr } = await piped.exited;
    expect([stdout.split("\n")[1], stderr]).toEqual(["ended 0", ""]);
  });

  it("finds the entry that somebody changed, and by --json names it", async () => {
    const own = await processes.start({ entry: SLOW_RUNTIME });
    const other = commandLine({ ...env, SYMPHAINY_URL: own.url });
    const { stdout } = await other.run(["submit", "test.slow", "--input", '{"label":"x","step_ms":1}']);
    const id = stdout.trim();
    expect((await other.run(["watch", id])).code).toBe(0);
    expect((await other.run(["verify-wal"])).code).toBe(0);
    await own.stop();
    tamper(own.dataDir);
    const again = await processes.start({ entry: SLOW_RUNTIME, dataDir: own.dataDir });
    const reading = commandLine({ ...env, SYMPHAINY_URL: again.url });
    for (const args of [["verify-wal"], ["verify-wal", id]]) {
      const found = await reading.run(args);
      expect([found.code, timeless(found.stdout).split("\n")[0]]).toEqual([
        1,
        "BROKEN  execution_ID, entry 5 (step_completed, event_ID, TIME): changed, its hash is not that of its content",
      ]);
      const json = JSON.parse((await reading.run([...args, "--json"])).stdout) as object;
      expect(json).toMatchObject({ verified: false, faults: [{ stream: id, sequence: 5, fault: "changed" }] });
    }
    const replayed = await reading.run(["replay", id]);
    expect([replayed.code, replayed.stdout]).toEqual([1, expect.stringContaining("  steps.0.outputs.attempt\n")]);
  });
});

/** Changes what the fifth entry of the only execution says that the first step returned. */
function tamper(dataDir: string): void {
  const database = new DatabaseSync(join(dataDir, "runtime.db"));
  try {
    const { changes } = database
      .prepare(`UPDATE log SET text = replace(text, '"attempt":1}', '"attempt":7}') WHERE sequence = 5`)
      .run();
    expect(changes).toBe(1);
  } finally {
    database.close();
  }
}
