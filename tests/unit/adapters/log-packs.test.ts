import { describe, expect, it } from "vitest";

import { loggedAfter, packsOf } from "../../../infra/adapters/firestore/log-packs.ts";
import type { LogRow } from "../../../shared/ports/execution-store.ts";
import { testIds } from "../../kit/runtime.ts";

const own = testIds.execution();
const sessionId = testIds.session();
const row = (sequence: number, more: Partial<LogRow> = {}): LogRow => ({
  eventId: testIds.event(),
  stream: own,
  sequence,
  eventType: "step_started",
  timestampMs: 1_000,
  sessionId,
  executionId: own,
  text: "{}",
  ...more,
});
const sequences = (rows: readonly LogRow[]) => packsOf(rows, own).map((pack) => pack.map(({ sequence }) => sequence));

/** How entries lie in Firestore's documents (infra/adapters/firestore/log-packs.ts). */
describe("packs of the log", () => {
  it("entries of one commit and millisecond share a document", () => {
    expect(sequences([row(1), row(2), row(3)])).toEqual([[1, 2, 3]]);
    expect(sequences([])).toEqual([]);
  });

  it.each<[string, Partial<LogRow>]>([
    ["another time", { timestampMs: 1_001 }],
    ["another session", { sessionId: testIds.session() }],
    ["a gap before it", { sequence: 3 }],
  ])("an entry with %s has its own", (_, more) => {
    const sequence = more.sequence ?? 2;
    expect(sequences([row(1), row(sequence, more)])).toEqual([[1], [sequence]]);
  });

  it("S9: what no document of an execution guards lies alone, under its own name", () => {
    const ofSession = { stream: sessionId, executionId: undefined };
    expect(sequences([row(1, ofSession), row(2, ofSession)])).toEqual([[1], [2]]);
    expect(packsOf([row(1), row(2)], undefined)).toHaveLength(2);
  });

  it("no document holds more than 50 entries or 256 KiB, so that a page costs the same whatever commits hold", () => {
    const many = Array.from({ length: 120 }, (_, n) => row(n + 1));
    expect(sequences(many).map(({ length }) => length)).toEqual([50, 50, 20]);
    const large = Array.from({ length: 5 }, (_, n) => row(n + 1, { text: "x".repeat(100_000) }));
    expect(sequences(large).map(({ length }) => length)).toEqual([2, 2, 1]);
  });
});

describe("the end of an execution's log", () => {
  it("moves on with its entries, and with no others", () => {
    expect(loggedAfter(3, [row(4), row(5)], own)).toBe(5);
    expect(loggedAfter(3, [row(1, { stream: sessionId })], own)).toBe(3);
  });

  it("S9: refuses an entry that is there, and one that comes before another of its commit", () => {
    expect(loggedAfter(3, [row(3)], own)).toBeUndefined();
    expect(loggedAfter(3, [row(5), row(4)], own)).toBeUndefined();
  });
});
