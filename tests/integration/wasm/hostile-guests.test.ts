import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { asId } from "../../../shared/ids.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import type { CapabilityReply } from "../../../shared/ports/wasm-capabilities.ts";
import { FAILURE_CLASSES } from "../../../shared/wasm/guest-failure.ts";
import { acme, type GuestScene, openGuestScene, outputOf, reasonOf, rival } from "../../kit/wasm/guest-scene.ts";
import { CAPABILITY_IMPORTS, ECHO, FORWARDER, reactor, type ReactorText, wat } from "../../kit/wasm/wat.ts";

const DENIED: CapabilityReply = { outcome: "error", errorCode: "PERMISSION_DENIED", message: "You may not." };
/** The low byte of an i32, as one character from "0" on. */
const asDigit = (value: string): string =>
  `(i32.store8 (i32.const 8) (i32.add (i32.const 48) ${value})) (call $packed (i32.const 8) (i32.const 1))`;

let scene: GuestScene;
let echo: string;
beforeAll(async () => {
  scene = await openGuestScene();
  echo = await scene.deploy(await reactor(ECHO), rival);
});
afterAll(() => scene.pool.close());

/** Runs a guest of acme's while rival's keeps calling: rival must get all its answers, whatever acme's guest does. */
async function attack(module: Uint8Array, deadlineMs = 400, more: Parameters<GuestScene["invoke"]>[2] = {}) {
  const digest = await scene.deploy(module);
  let over = false;
  const neighbour = (async () => {
    let served = 0;
    do {
      const outcome = await scene.invoke(echo, served, { tenantId: rival });
      expect(outputOf(outcome)).toBe(String(served));
      served += 1;
    } while (!over);
    return served;
  })();
  const outcomes = await Promise.all(
    Array.from({ length: 2 }, () => scene.invoke(digest, "x", { deadlineMs, ...more })),
  );
  over = true;
  expect(await neighbour).toBeGreaterThan(0);
  const [first] = outcomes;
  if (first === undefined) throw new Error("There was no attack.");
  expect(outcomes.map(reasonOf)).toEqual(outcomes.map(() => reasonOf(first)));
  return first;
}

async function attackWith(text: ReactorText, deadlineMs?: number, more?: Parameters<GuestScene["invoke"]>[2]) {
  return attack(await reactor(text), deadlineMs, more);
}

function classOf(outcome: Awaited<ReturnType<typeof attack>>) {
  return outcome.outcome === "failed" ? FAILURE_CLASSES[outcome.failure.reason].errorCode : "none";
}

describe("a hostile guest ends, is told apart, and its neighbour is served", () => {
  it("an endless loop: TIMEOUT", async () => {
    const outcome = await attackWith({ invoke: "(loop $l (br $l)) (i64.const 0)" });
    expect([reasonOf(outcome), classOf(outcome)]).toEqual(["deadline", "TIMEOUT"]);
  });

  it("an endless loop in its start function: TIMEOUT", async () => {
    const more = "(func $begin (loop $l (br $l))) (start $begin)";
    expect(reasonOf(await attackWith({ ...ECHO, more }))).toBe("deadline");
  });

  it("an endless loop of filling all its memory: its thread ends too, and soon", async () => {
    const invoke = `(drop (memory.grow (i32.const 900)))
      (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 30000000)) (br $l)) (i64.const 0)`;
    await using pool = await openGuestScene(1);
    const digest = await pool.deploy(await reactor({ memory: "2 1024", invoke }));
    const next = await pool.deploy(await reactor(ECHO));
    // Long enough for code to be optimized, where it is.
    expect(reasonOf(await pool.invoke(digest, null, { deadlineMs: 2_000 }))).toBe("deadline");
    // A tenant's place is free again when its thread has ended.
    expect(outputOf(await pool.invoke(next, "alive"))).toBe('"alive"');
  });

  it("cut off again and again, whatever it is at: each time TIMEOUT, and the next call of its tenant begins anew", async () => {
    await using pool = await openGuestScene(2);
    const request = Buffer.from(JSON.stringify({ provider: "kv", operation: "get", params: {} }));
    const ends = [
      "(loop $l (br $l))",
      "(drop (call $call (local.get $at) (local.get $length)))",
      "(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 2000000)) (br $l))",
    ];
    const guests = await Promise.all(
      ends.map(async (end) =>
        pool.deploy(
          await reactor({
            imports: CAPABILITY_IMPORTS,
            invoke: `(i32.store (i32.const 16) (i32.const 9)) ${end} (i64.const 0)`,
          }),
        ),
      ),
    );
    const probe = await pool.deploy(await reactor({ invoke: asDigit("(i32.load (i32.const 16))") }));
    for (let round = 0; round < 4; round += 1)
      for (const guest of guests) {
        const onCall = () => new Promise<never>(() => undefined);
        expect(reasonOf(await pool.invoke(guest, null, { input: request, deadlineMs: 60, onCall }))).toBe("deadline");
        expect(outputOf(await pool.invoke(probe))).toBe("0");
      }
  });

  it("memory without end: the growth is refused at its limit, and the guest goes on", async () => {
    // Grows page by page, writes to each page, and gives the number of pages in megabytes of 16 pages, as one character.
    const text: ReactorText = {
      memory: "2 65536",
      invoke: `
        (loop $l
          (if (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))
            (then (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 7)) (br $l))))
        ${asDigit("(i32.shr_u (memory.size) (i32.const 5))")}`,
    };
    const outcome = await attackWith(text, 20_000);
    expect(outputOf(outcome).codePointAt(0)).toBe(48 + GUEST_LIMITS.memoryMaxBytes / 65_536 / 32);
  });

  it("a table without end: the growth is refused, where it would have ended the process", async () => {
    const text: ReactorText = {
      more: "(table $t 1 9900000 funcref)",
      invoke: asDigit("(i32.eq (table.grow $t (ref.null func) (i32.const 9899999)) (i32.const -1))"),
    };
    expect(outputOf(await attackWith(text))).toBe("1");
  });

  it("a call without end: CRASH_DETECTED, for its stack", async () => {
    const outcome = await attackWith({ more: "(func $f (call $f))", invoke: "(call $f) (i64.const 0)" }, 10_000);
    expect([reasonOf(outcome), classOf(outcome)]).toEqual(["stack_overflow", "CRASH_DETECTED"]);
  });

  it.each([
    ["unreachable code", "unreachable"],
    ["an access outside its memory", "(i64.load (i32.const -8))"],
    ["a division by zero", "(i64.div_s (i64.const 1) (i64.const 0))"],
    ["an exception that nobody catches", "(throw $tag)"],
    ["a function that is none", "(call_indirect (result i64) (i32.const 0))"],
  ])("%s: CRASH_DETECTED", async (_, invoke) => {
    const outcome = await attackWith({ more: "(tag $tag) (table 1 funcref)", invoke }, 10_000);
    expect([reasonOf(outcome), classOf(outcome)]).toEqual(["trap", "CRASH_DETECTED"]);
  });

  it("a flood of log lines: what has room is kept and is there after the end", async () => {
    const text: ReactorText = {
      imports: CAPABILITY_IMPORTS,
      invoke: "(loop $l (drop (call $log (i32.const 0) (i32.const 60000))) (br $l)) (i64.const 0)",
    };
    const outcome = await attackWith(text);
    expect(reasonOf(outcome)).toBe("deadline");
    expect(outcome.report.logTruncated).toBe(true);
    expect(outcome.report.log.length).toBe(GUEST_LIMITS.logBytes);
  });

  it("catching everything around a denied call: it stays denied", async () => {
    const text: ReactorText = {
      imports: CAPABILITY_IMPORTS,
      invoke: `
        (local $status i32)
        (try
          (do (local.set $status (call $call (local.get $at) (local.get $length))))
          (catch_all (local.set $status (i32.const 1))))
        ${asDigit("(i32.sub (i32.const 0) (local.get $status))")}`,
    };
    const asked: string[] = [];
    const request = Buffer.from(JSON.stringify({ provider: "kv", operation: "set", params: {} }));
    const outcome = await attackWith(text, 10_000, {
      input: request,
      onCall: ({ operation }) => {
        asked.push(operation);
        return Promise.resolve(DENIED);
      },
    });
    expect(outputOf(outcome)).toBe("3");
    expect(asked).toEqual(["set", "set"]);
    expect(outcome.report.log).toContain("You may not.");
  });

  it("catching its own exit: it has exited nevertheless", async () => {
    const module = await wat(`(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (try (do (call $exit (i32.const 9))) (catch_all))))`);
    const outcome = await attack(module, 10_000);
    expect([reasonOf(outcome), classOf(outcome)]).toEqual(["exit_code", "WASM_RUNTIME_ERROR"]);
  });

  it("places that are not in its memory, or that reach over its end: a code, and nothing is written", async () => {
    const forged = ["-1", "2097152", "2097150", "1073741824"];
    const calls = forged.map(
      (
        at,
      ) => `(local.set $bad (i32.add (local.get $bad) (i32.eq (call $call (i32.const ${at}) (i32.const 4)) (i32.const -1))))
        (local.set $bad (i32.add (local.get $bad) (i32.eq (call $log (i32.const ${at}) (i32.const 4)) (i32.const -1))))`,
    );
    const text: ReactorText = {
      imports: CAPABILITY_IMPORTS,
      invoke: `(local $bad i32) ${calls.join("\n")}
        (local.set $bad (i32.add (local.get $bad) (i32.eq (call $call (i32.const 0) (i32.const -1)) (i32.const -1))))
        ${asDigit("(local.get $bad)")}`,
    };
    expect(outputOf(await attackWith(text, 10_000))).toBe("9");
  });

  it("a result that is not in its memory, or larger than allowed: an error of the guest", async () => {
    const outside = await attackWith({ invoke: "(i64.const -1)" }, 10_000);
    expect([reasonOf(outside), classOf(outside)]).toEqual(["output_too_large", "RESOURCE_EXHAUSTED"]);
    const beyond = await attackWith({ invoke: "(call $packed (i32.const -16) (i32.const 32))" }, 10_000);
    expect([reasonOf(beyond), classOf(beyond)]).toEqual(["abi_violation", "WASM_RUNTIME_ERROR"]);
  });

  it("a capability that answers too late answers nobody, least of all the next guest", async () => {
    const digest = await scene.deploy(await reactor(FORWARDER));
    const late: (() => void)[] = [];
    const gone: boolean[] = [];
    const slow = await scene.invoke(
      digest,
      { provider: "kv", operation: "get" },
      {
        deadlineMs: 300,
        onCall: (_, signal) =>
          new Promise((resolve) => {
            late.push(() => {
              gone.push(signal.aborted);
              resolve({ outcome: "result", result: "stale" });
            });
          }),
      },
    );
    expect(reasonOf(slow)).toBe("deadline");
    const next = Array.from({ length: 20 }, (_, n) =>
      scene.invoke(
        digest,
        { provider: "kv", operation: "get" },
        {
          onCall: () => {
            for (const answer of late) answer();
            return Promise.resolve({ outcome: "result", result: n });
          },
        },
      ),
    );
    expect((await Promise.all(next)).map(outputOf)).toEqual(next.map((_, n) => String(n)));
    expect(gone[0]).toBe(true);
  });

  it("asking without end: after so many calls the host says no, at no cost to itself", async () => {
    const text: ReactorText = {
      imports: CAPABILITY_IMPORTS,
      invoke: `(loop $l (br_if $l (i32.ne (call $call (i32.const 0) (i32.const 4)) (i32.const -5)))) ${asDigit("(i32.const 5)")}`,
    };
    expect(outputOf(await attackWith(text, 30_000))).toBe("5");
  });

  it("a function that is very long to compile: one deadline, and the next module is compiled", async () => {
    const table = `(block (br_table ${"0 ".repeat(65_000)} (local.get 0)))`;
    const bomb = await wat(`(module (memory (export "memory") 1)
      (func $f (param i32) ${table.repeat(15)})
      (func (export "_start") (call $f (i32.const 1))))`);
    const outcome = await attack(bomb, 10_000);
    expect(reasonOf(outcome)).toBe("returned");
  });

  it("13,000 instances of a module, one call each: every one begins anew, and all are served", async () => {
    const text: ReactorText = {
      more: "(global $calls (mut i32) (i32.const 0))",
      invoke: `(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
        ${asDigit("(i32.add (global.get $calls) (i32.load (i32.const 16)))")}`,
    };
    const digest = await scene.deploy(await reactor(text));
    const answers = new Set<string>();
    let next = 0;
    const client = async (): Promise<void> => {
      while (next < 13_000) {
        next += 1;
        const instanceId = asId.instance(`instance_${next}`);
        answers.add(outputOf(await scene.invoke(digest, null, { tenantId: acme, instanceId, deadlineMs: 30_000 })));
      }
    };
    await Promise.all(Array.from({ length: 64 }, client));
    expect([...answers]).toEqual(["2"]);
  }, 120_000);
});
