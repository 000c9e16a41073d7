import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { trustedTenantId } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";
import { verifyChain } from "../../../shared/state/chain-verification.ts";
import { CHAIN_START, type EventType, hashOf, logEntrySchema, seal } from "../../../shared/state/log-entry.ts";
import { testIds } from "../../kit/runtime.ts";
import { START_MS } from "../manual-clock.ts";

const OWNER = {
  tenantId: trustedTenantId("acme"),
  sessionId: testIds.session(),
  executionId: testIds.execution(),
  sagaId: testIds.saga(),
  traceId: testIds.trace(),
};

/** The texts of a chain, one entry a note. */
function chainOf(notes: readonly string[], startMs = START_MS): string[] {
  let head = CHAIN_START;
  return notes.map((note, index) => {
    const draft = { event_type: "step_started", step_name: "s", payload: { note } } as const;
    const sealed = seal(head, OWNER, draft, testIds, startMs + index);
    head = sealed.head;
    return sealed.row.text;
  });
}

const chains = fc.array(fc.string({ unit: "grapheme" }), { minLength: 2, maxLength: 8 }).map((notes) => chainOf(notes));

/** A chain and a place in it. */
const chainsWithPlace = chains.chain((texts) => fc.tuple(fc.constant(texts), fc.nat(texts.length - 1)));

describe("a log entry", () => {
  it("takes its place after the head: sequence, previous hash, and a hash over its text without itself", () => {
    const draft = { event_type: "step_started", step_name: "s", payload: { n: 1 } } as const;
    const first = seal(CHAIN_START, OWNER, draft, testIds, START_MS);
    const second = seal(first.head, OWNER, draft, testIds, START_MS + 5);
    const entry = JSON.parse(second.row.text) as Record<string, unknown>;
    expect(first.entry).toMatchObject({ sequence: 1, previous_hash: "0".repeat(64) });
    expect(entry).toMatchObject({ sequence: 2, previous_hash: first.head.hash, hash: second.head.hash });
    expect(Object.keys(entry).at(-1)).toBe("hash");
    const { hash, ...rest } = entry;
    expect(hash).toBe(sha256(JSON.stringify(rest)));
    expect(hashOf(second.row.text)).toBe(hash);
  });

  it("reads back from its text as it was sealed", () => {
    const { entry, row } = seal(CHAIN_START, OWNER, { event_type: "step_failed", payload: {} }, testIds, START_MS);
    expect(logEntrySchema.parse(JSON.parse(row.text))).toEqual(entry);
    expect(row).toMatchObject({
      eventId: entry.event_id,
      stream: OWNER.executionId,
      sequence: 1,
      eventType: "step_failed",
      timestampMs: START_MS,
      sessionId: OWNER.sessionId,
      executionId: OWNER.executionId,
    });
  });

  it("of a session outside any execution stands in the session's stream", () => {
    const { executionId: _, sagaId: __, ...owner } = OWNER;
    const { row } = seal(CHAIN_START, owner, { event_type: "session_created", payload: {} }, testIds, START_MS);
    expect(row.stream).toBe(OWNER.sessionId);
    expect(row.executionId).toBeUndefined();
  });

  it("is never earlier than the entry before it, even when the clock goes back", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { minLength: 1, maxLength: 10 }), (jumps) => {
        let head = CHAIN_START;
        const times = jumps.map((jump) => {
          const sealed = seal(head, OWNER, { event_type: "step_started", payload: {} }, testIds, START_MS + jump);
          head = sealed.head;
          return sealed.row.timestampMs;
        });
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        expect(times[0]).toBe(START_MS + (jumps[0] ?? 0));
      }),
    );
  });
});

describe("verifyChain", () => {
  it("finds no fault in a whole chain, nor in an empty one", () => {
    fc.assert(
      fc.property(chains, (texts) => {
        expect(verifyChain(texts)).toBeUndefined();
      }),
    );
    expect(verifyChain([])).toBeUndefined();
  });

  it("finds any change of any character of any entry, at its place or the next", () => {
    fc.assert(
      fc.property(chainsWithPlace, fc.nat(), fc.constantFrom("x", "0", "}", '"', " "), ([texts, place], at, put) => {
        const text = texts[place] ?? "";
        const index = at % text.length;
        fc.pre(text[index] !== put);
        const changed = text.slice(0, index) + put + text.slice(index + 1);
        const fault = verifyChain(texts.with(place, changed));
        expect(fault).toBeDefined();
        expect(fault?.sequence).toBe(place + 1);
      }),
      { numRuns: 500 },
    );
  });

  it("finds an entry whose fields were changed in another way of writing the same JSON", () => {
    const texts = chainOf(["a", "b"]);
    const spaced = JSON.stringify(JSON.parse(texts[0] ?? ""), undefined, 1);
    expect(verifyChain(texts.with(0, spaced))).toEqual({ sequence: 1, fault: "changed" });
  });

  it("finds a missing entry at its place, unless it was the last", () => {
    fc.assert(
      fc.property(chainsWithPlace, ([texts, place]) => {
        fc.pre(place < texts.length - 1);
        expect(verifyChain(texts.toSpliced(place, 1))).toEqual({ sequence: place + 1, fault: "missing" });
      }),
    );
  });

  it("finds entries that changed places, and an entry that comes twice", () => {
    fc.assert(
      fc.property(chainsWithPlace, ([texts, place]) => {
        fc.pre(place > 0);
        const [a = "", b = ""] = [texts[place - 1], texts[place]];
        expect(verifyChain(texts.with(place - 1, b).with(place, a))).toMatchObject({ sequence: place });
        expect(verifyChain(texts.toSpliced(place, 0, a))).toMatchObject({ sequence: place + 1 });
      }),
    );
  });

  it("finds an entry that was sealed anew with other content, by the entry after it", () => {
    const texts = chainOf(["a", "b", "c"]);
    const forged = chainOf(["a", "forged"])[1] ?? "";
    const resealed = forged.replace(/"previous_hash":"[^"]*"/, `"previous_hash":"${hashIn(texts[0])}"`);
    const honest = resealed.replace(/,"hash":"[^"]*"\}$/, `,"hash":"${hashOf(resealed)}"}`);
    expect(verifyChain(texts.with(1, honest))).toEqual({ sequence: 3, fault: "relinked" });
  });

  it("finds a chain that was joined from two", () => {
    const [one, two] = [chainOf(["a", "b", "c"]), chainOf(["a", "b", "c"])];
    expect(verifyChain([...one.slice(0, 1), ...two.slice(1)])).toEqual({ sequence: 2, fault: "relinked" });
  });

  it("takes every type of entry that the log may hold", () => {
    const types: EventType[] = ["session_created", "policy_decided", "signal_received"];
    for (const event_type of types) {
      const { row } = seal(CHAIN_START, OWNER, { event_type, payload: {} }, testIds, START_MS);
      expect(verifyChain([row.text])).toBeUndefined();
    }
  });
});

function hashIn(text = ""): string {
  return String((JSON.parse(text) as Record<string, unknown>)["hash"]);
}
