import { performance } from "node:perf_hooks";

import { describe, expect, it, vi } from "vitest";

import type { JsonObject } from "../../../shared/json.ts";
import { RetryableError, TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createGate } from "../../kit/gate.ts";
import { openLab, outline, stepOf } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

const refuse = () => Promise.reject<JsonObject>(new TerminalError("test.refused", "No."));
const list = (length: number) => Array.from({ length }, (_, index) => index);

/** Rejects when its step is aborted, and never otherwise. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<JsonObject>((_, reject) => {
    signal.addEventListener("abort", () => reject(new TerminalError("test.aborted", "Aborted.")));
  });

describe("parallel", () => {
  it("runs its branches side by side and gives what each returned, by its name", async () => {
    const gate = createGate();
    const branch = (n: number) => ({
      run: async () => {
        await gate.pass();
        return { n };
      },
    });
    const definition = plainIntent("test.both")
      .parallel("both", { branches: { a: branch(1), b: branch(2), c: branch(3) } })
      .returns(({ outputs }) => outputs.both);
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.both");
    await vi.waitFor(() => expect(gate.arrived).toBe(3));
    gate.open();
    const ended = await on.reach(id, "completed");
    expect(ended.output).toEqual({ a: { n: 1 }, b: { n: 2 }, c: { n: 3 } });
    expect(outline(ended)).toEqual(["both: completed", "both/a: completed", "both/b: completed", "both/c: completed"]);
  });

  it("fail_fast: one failure aborts the others' signal, and all of them are undone before what came before", async () => {
    const undone: string[] = [];
    const undo = (name: string) => ({ undo: () => void undone.push(name) });
    const aborted = vi.fn<() => void>();
    const waits = (signal: AbortSignal) =>
      untilAborted(signal).catch(() => {
        aborted();
        return {};
      });
    const definition = plainIntent("test.both")
      .step("before", { run: () => ({}), ...undo("before") })
      .parallel("both", {
        branches: {
          a: { run: refuse, ...undo("a") },
          b: { run: ({ signal }) => waits(signal), ...undo("b") },
          c: { run: () => ({}), ...undo("c") },
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.both", "compensated");
    expect(aborted).toHaveBeenCalledTimes(1);
    expect(undone).toEqual(["c", "b", "a", "before"]);
    expect(ended.error).toMatchObject({ code: "test.refused", step_name: "both/a" });
  });

  it("fail_fast: the error is that of the branch that failed first, not of those it aborted", async () => {
    const definition = plainIntent("test.both")
      .step("before", { run: () => ({}), undo: () => undefined })
      .parallel("both", { branches: { a: { run: refuse }, b: { run: ({ signal }) => untilAborted(signal) } } })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.both", "compensated");
    expect(ended.error).toMatchObject({ code: "test.refused", step_name: "both/a" });
  });

  it("collect: each result says how it went, and the saga goes on", async () => {
    const definition = plainIntent("test.both")
      .parallel("both", {
        onFailure: "collect",
        branches: { good: { run: () => ({ n: 1 }) }, bad: { run: refuse } },
      })
      .step("after", { run: ({ outputs }) => ({ seen: outputs.both }) })
      .returns(({ outputs }) => outputs.after);
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.both", "completed");
    expect(ended.output).toEqual({
      seen: {
        good: { ok: true, output: { n: 1 } },
        bad: { ok: false, error: { code: "test.refused", message: "No." } },
      },
    });
  });

  it("a branch that is tried again does not wait for its slower sibling", async () => {
    const gate = createGate();
    const attempts: number[] = [];
    const definition = plainIntent("test.both")
      .parallel("both", {
        branches: {
          slow: {
            timeout: "30m",
            run: async () => {
              await gate.pass();
              return {};
            },
          },
          flaky: {
            run: ({ attempt }) => {
              attempts.push(attempt);
              if (attempt === 1) throw new RetryableError("test.busy", "Later.", { retryAfterMs: 1_000 });
              return {};
            },
          },
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.both");
    await vi.waitFor(() => expect(attempts).toEqual([1]));
    await on.clock.advance(1_000);
    await vi.waitFor(() => expect(attempts).toEqual([1, 2]));
    gate.open();
    await on.reach(id, "completed");
  });

  it("a worker that dies leaves the branches that were done as they are, and the next runs the others", async () => {
    const gate = createGate();
    const runs: string[] = [];
    const definition = plainIntent("test.both")
      .parallel("both", {
        branches: {
          quick: {
            run: () => {
              runs.push("quick");
              return {};
            },
          },
          slow: {
            run: async ({ attempt }) => {
              runs.push(`slow ${attempt}`);
              if (attempt === 1) await gate.pass();
              return { attempt };
            },
          },
        },
      })
      .returns(({ outputs }) => outputs.both);
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.both");
    await vi.waitFor(async () => expect(outline(await on.state(id))[1]).toBe("both/quick: completed"));
    await on.first.services.lifecycle.stop(0);
    const other = await on.hire();
    await other.services.recovery.sweep();
    expect(await on.reach(id, "completed")).toMatchObject({ output: { quick: {}, slow: { attempt: 2 } } });
    expect(runs).toEqual(["quick", "slow 1", "slow 2"]);
    gate.open();
  });
});

describe("map", () => {
  it("gives the results in the order of the list, whatever order they came in", async () => {
    const definition = plainIntent("test.each")
      .map("each", {
        over: () => [30, 10, 20],
        concurrency: 3,
        run: async ({ now }, item) => {
          for (let turn = 0; turn < item; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          return { item, at: now() };
        },
      })
      .returns(({ outputs }) => ({ items: outputs.each.map(({ item }) => item) }));
    await using on = await openLab({ intents: [definition] });
    expect(await on.play("test.each", "completed")).toMatchObject({ output: { items: [30, 10, 20] } });
  });

  it.each([1, 3, 7])("has at most %d items at work, and that many when there are enough", async (concurrency) => {
    let now = 0;
    let most = 0;
    const definition = plainIntent("test.each")
      .map("each", {
        over: () => list(20),
        concurrency,
        run: async (_, item) => {
          now += 1;
          most = Math.max(most, now);
          for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          now -= 1;
          return { item };
        },
      })
      .returns(({ outputs }) => ({ count: outputs.each.length }));
    await using on = await openLab({ intents: [definition] });
    expect(await on.play("test.each", "completed")).toMatchObject({ output: { count: 20 } });
    expect(most).toBe(concurrency);
  });

  it("an empty list is done at once, with an empty result", async () => {
    const run = vi.fn<() => object>(() => ({}));
    const definition = plainIntent("test.each")
      .map("each", { over: () => [] as number[], run: run as () => JsonObject })
      .returns(({ outputs }) => ({ items: outputs.each }));
    await using on = await openLab({ intents: [definition] });
    expect(await on.play("test.each", "completed")).toMatchObject({ output: { items: [] } });
    expect(run).not.toHaveBeenCalled();
    expect(on.counting.commits).toEqual([]);
  });

  it("fail_fast: no item begins after one failed, and those that began are undone in reverse", async () => {
    const begun: number[] = [];
    const undone: unknown[] = [];
    const definition = plainIntent("test.each")
      .map("each", {
        over: () => list(10),
        concurrency: 1,
        run: (_, item) => {
          begun.push(item);
          if (item === 3) throw new TerminalError("test.refused", "No.");
          return { item };
        },
        undo: ({ output }) => void undone.push(output?.item),
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.each", "compensated");
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(undone).toEqual([undefined, 2, 1, 0]);
    expect(ended.error?.step_name).toBe("each/3");
  });

  it("collect: failures are in the result, in their places", async () => {
    const definition = plainIntent("test.each")
      .map("each", {
        over: () => list(4),
        onFailure: "collect",
        run: (_, item) => (item % 2 === 0 ? { item } : refuse()),
      })
      .returns(({ outputs }) => ({ ok: outputs.each.map(({ ok }) => ok) }));
    await using on = await openLab({ intents: [definition] });
    expect(await on.play("test.each", "completed")).toMatchObject({ output: { ok: [true, false, true, false] } });
  });

  it("goes over the list that was recorded when it began, whatever its function would say now", async () => {
    const gate = createGate();
    let length = 3;
    const definition = plainIntent("test.each")
      .map("each", {
        over: () => list(length),
        concurrency: 1,
        run: async ({ attempt }, item) => {
          if (item === 1 && attempt === 1) await gate.pass();
          return { item };
        },
      })
      .returns(({ outputs }) => ({ items: outputs.each.map(({ item }) => item) }));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.each");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await on.first.services.lifecycle.stop(0);
    length = 99;
    const other = await on.hire();
    await other.services.recovery.sweep();
    expect(await on.reach(id, "completed")).toMatchObject({ output: { items: [0, 1, 2] } });
    gate.open();
  });

  it("a list that cannot be made fails the node, not the worker", async () => {
    const definition = plainIntent("test.each")
      .map("each", {
        over: (): number[] => {
          throw new TerminalError("test.no_list", "No.");
        },
        run: () => ({}),
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    expect((await on.play("test.each", "failed")).error).toMatchObject({ code: "test.no_list", step_name: "each" });
  });

  it("each item has a key of its own, the same for every attempt", async () => {
    const keys: string[] = [];
    const definition = plainIntent("test.each")
      .map("each", {
        over: () => ["a", "b"],
        concurrency: 1,
        run: ({ key, attempt }) => {
          keys.push(key.slice(key.indexOf("/")));
          if (attempt === 1) throw new RetryableError("test.busy", "Later.", { retryAfterMs: 0 });
          return {};
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    await on.play("test.each", "completed");
    expect(keys).toEqual(["/each/0", "/each/0", "/each/1", "/each/1"]);
  });

  it("2,000 items take no longer each than 200 do", async () => {
    const timed = async (length: number): Promise<number> => {
      const definition = plainIntent("test.each")
        .map("each", { over: () => list(length), concurrency: 50, run: (_, item) => ({ item }) })
        .returns(({ outputs }) => ({ count: outputs.each.length }));
      await using on = await openLab({ intents: [definition] });
      const startMs = performance.now();
      const id = await on.submit("test.each");
      await on.first.services.lifecycle.wait(on.tenantId, id, 60_000);
      const afterMs = performance.now() - startMs;
      const ended = await on.state(id);
      expect(ended).toMatchObject({ status: "completed", output: { count: length } });
      expect(stepOf(ended, "each/0").status).toBe("completed");
      return afterMs;
    };
    await timed(50);
    const short = await timed(200);
    const long = await timed(2_000);
    expect(long / 2_000).toBeLessThan((3 * short) / 200 + 1);
  }, 30_000);
});
