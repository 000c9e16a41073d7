import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { clientOn } from "../../../shared/client/client.ts";
import { readEvents, type ServerSentEvent } from "../../../shared/client/event-source.ts";
import { type Answerer, json, lost, problem, scriptedHost } from "./scripted-host.ts";

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    yield await Promise.resolve(bytes.subarray(from, cut));
    from = cut;
  }
}

async function read(text: string, cuts: readonly number[] = []): Promise<readonly ServerSentEvent[]> {
  const events = await Array.fromAsync(readEvents(pieces(new TextEncoder().encode(text), cuts)));
  return events.filter((event) => event !== undefined);
}

describe("a text/event-stream", () => {
  it("is read as the standard says: comments, several lines of data, any line ends, one space taken off", async () => {
    const text =
      ": hello\n\nid: 1\nevent: a\ndata: x\ndata:  y\n\nid: 2\r\ndata\r\n\r\ndata:z\r\revent: none\n\ndata: cut off";
    expect(await read(text)).toEqual([
      { id: "1", event: "a", data: "x\n y" },
      { id: "2", event: "message", data: "" },
      { id: "2", event: "message", data: "z" },
    ]);
  });

  it("may hold what is a line end elsewhere", async () => {
    expect(await read("id: 1\nevent: e\ndata: a\u2028b\u2029c\u0085d\n\n")).toEqual([
      { id: "1", event: "e", data: "a\u2028b\u2029c\u0085d" },
    ]);
  });

  it("is read the same wherever its bytes are cut", async () => {
    const event = fc.record({
      id: fc.nat(),
      data: fc.string({ unit: "grapheme" }),
      end: fc.constantFrom("\n", "\r\n", "\r"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event), fc.array(fc.nat(), { maxLength: 8 }), async (events, cuts) => {
        const wanted = events.map(({ id, data }) => ({ id: String(id), event: "e", data: JSON.stringify(data) }));
        const text = events.map(({ end }, index) => {
          const { id = "", data = "" } = wanted[index] ?? {};
          return [`id: ${id}`, "event: e", `data: ${data}`, "", ""].join(end);
        });
        expect(await read(text.join(""), cuts)).toEqual(wanted);
      }),
    );
  });
});

const entry = (sequence: number, type = "step_completed", payload: object = {}) =>
  `id: ${sequence}\nevent: ${type}\ndata: ${JSON.stringify({ sequence, event_type: type, payload })}\n\n`;
const END = "execution_completed";

/** A stream of these texts, which then ends, breaks or stays open without a word. */
function stream(texts: readonly string[], then: "ends" | "breaks" | "stays" = "ends"): Answerer {
  return (_, signal) =>
    new Response(
      new ReadableStream({
        start: (controller) => {
          for (const text of texts) controller.enqueue(new TextEncoder().encode(text));
          if (then === "ends") controller.close();
          signal?.addEventListener("abort", () => controller.error(signal.reason));
        },
        pull: async (controller) => {
          await new Promise((resolve) => setImmediate(resolve));
          if (then === "breaks") controller.error(new TypeError("terminated"));
          else await new Promise(() => {});
        },
      }),
    );
}

function follow(answers: readonly Answerer[]) {
  const scripted = scriptedHost(answers);
  const handle = clientOn(scripted.host, { baseUrl: "http://runtime", token: "t" })
    .tenant("acme")
    .execution("execution_1");
  const seen: number[] = [];
  const done = (async () => {
    for await (const { sequence } of handle.events()) seen.push(sequence);
  })();
  return { ...scripted, seen, done };
}

const lastIds = (sent: ReturnType<typeof follow>["sent"]) =>
  sent.filter(({ path }) => path.includes("/events")).map(({ headers }) => headers.get("last-event-id"));

describe("following an execution", () => {
  it("goes on after the last entry when a connection breaks, is lost or is refused for now (E1)", async () => {
    const { seen, sent, done } = follow([
      stream([entry(1), entry(2).slice(0, -1)], "breaks"),
      lost(),
      problem(503, "runtime.stopping", { "retry-after": "1" }),
      stream([entry(2), entry(3)], "breaks"),
      stream([entry(4, END)]),
    ]);
    await done;
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(lastIds(sent)).toEqual(["0", "1", "1", "1", "3"]);
  });

  it("gives no entry twice, whatever a server sends again (E1)", async () => {
    const { seen, done } = follow([
      stream([entry(1), entry(2)], "breaks"),
      stream([entry(1), entry(2), entry(3, END)]),
    ]);
    await done;
    expect(seen).toEqual([1, 2, 3]);
  });

  it("takes a clean end for the server's own while the execution runs (E2)", async () => {
    const { seen, sent, done } = follow([stream([entry(1)]), json({ status: "running" }), stream([entry(2, END)])]);
    await done;
    expect(seen).toEqual([1, 2]);
    expect(sent.map(({ path }) => path.split("?")[0]?.split("/").at(-1))).toEqual(["events", "status", "events"]);
  });

  it("comes back for the entries between a server's stop and the execution's end (E2)", async () => {
    const { seen, done } = follow([
      stream([entry(1)]),
      json({ status: "completed" }),
      json({ entries: [{ sequence: 3 }] }),
      stream([entry(2), entry(3, END)]),
    ]);
    await done;
    expect(seen).toEqual([1, 2, 3]);
  });

  it("does not take a failure that turns back, or waits for a person, for the end (E2)", async () => {
    const { seen, done } = follow([
      stream([entry(1, "execution_failed", { compensating: true })]),
      json({ status: "compensating" }),
      stream([entry(2, "execution_failed", { dead: true })]),
      json({ status: "dead" }),
      stream([entry(3, "execution_compensated")]),
    ]);
    await done;
    expect(seen).toEqual([1, 2, 3]);
  });

  it("leaves a connection on which nothing comes for 15 seconds", async () => {
    const { seen, gapsMs, done } = follow([stream([entry(1)], "stays"), stream([entry(2, END)])]);
    await done;
    expect(seen).toEqual([1, 2]);
    expect(gapsMs()[0]).toBeGreaterThanOrEqual(15_000);
  });

  it("gives up when twelve connections in a row bring nothing, within a minute (E3)", async () => {
    const { sent, gapsMs, done } = follow([lost()]);
    await expect(done).rejects.toMatchObject({ code: "client.unreachable" });
    expect(sent).toHaveLength(12);
    expect(Math.max(...gapsMs())).toBeLessThanOrEqual(5_000);
    expect(gapsMs().reduce((sum, gap) => sum + gap, 0)).toBeLessThan(60_000);
  });

  it("gives up at once when there is no such execution, or the token is not valid", async () => {
    for (const [status, code] of [
      [404, "execution.not_found"],
      [401, "auth.bad_token"],
    ] as const) {
      const { sent, done } = follow([problem(status, code)]);
      await expect(done).rejects.toMatchObject({ code, status });
      expect(sent).toHaveLength(1);
    }
  });

  it("lets its connection go when the reader leaves in the middle", async () => {
    let signal: AbortSignal | undefined;
    const { host } = scriptedHost([
      (sent, given) => {
        signal = given;
        return stream([entry(1), entry(2)], "stays")(sent, given);
      },
    ]);
    const handle = clientOn(host, { baseUrl: "http://runtime", token: "t" }).tenant("acme").execution("execution_1");
    for await (const { sequence } of handle.events()) if (sequence === 1) break;
    expect(signal?.aborted).toBe(true);
  });
});
