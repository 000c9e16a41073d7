import { describe, expect, it } from "vitest";

import { verifyChain } from "../../../infra/console/page/verify-chain.ts";
import type { LogEntry } from "../../../shared/client/wire-types.ts";
import { asId, createIds, trustedTenantId } from "../../../shared/ids.ts";
import { CHAIN_START, createSealer } from "../../../shared/state/log-entry.ts";

/** A chain as the runtime seals it and a client reads it. */
function chainOf(count: number): LogEntry[] {
  const seal = createSealer(
    {
      tenantId: trustedTenantId("acme"),
      sessionId: asId.session("session_1"),
      executionId: asId.execution("execution_1"),
      sagaId: asId.saga("saga_1"),
      traceId: asId.trace("trace_1"),
    },
    createIds({ uuid: () => crypto.randomUUID(), fraction: () => 0.5 }),
  );
  const entries: LogEntry[] = [];
  let head = CHAIN_START;
  for (let number = 1; number <= count; number += 1) {
    const sealed = seal(
      head,
      { event_type: "step_completed", step_name: `s${number}`, payload: { number, é: 1.5e-7 } },
      number,
    );
    head = sealed.head;
    entries.push(JSON.parse(sealed.row.text) as LogEntry);
  }
  return entries;
}

describe("a chain that is checked in the browser", () => {
  it("holds as it was sealed", async () => {
    expect(await verifyChain(chainOf(4))).toBeUndefined();
  });

  it.each([
    [
      "changed",
      (entries: LogEntry[]) => entries.with(1, { ...chainEntry(entries, 1), payload: { number: 7 } }),
      2,
      "hash",
    ],
    ["taken away", (entries: LogEntry[]) => entries.toSpliced(1, 1), 2, "follow"],
    [
      "put in another's place",
      (entries: LogEntry[]) => [...entries.slice(1, 2), ...entries.toSpliced(1, 1)],
      1,
      "follow",
    ],
  ])("is broken where an entry was %s", async (_, spoil, sequence, word) => {
    const fault = await verifyChain(spoil(chainOf(4)));
    expect(fault?.sequence).toBe(sequence);
    expect(fault?.fault).toContain(word);
  });
});

function chainEntry(entries: readonly LogEntry[], at: number): LogEntry {
  const entry = entries[at];
  if (entry === undefined) throw new RangeError("there is no such entry");
  return entry;
}
