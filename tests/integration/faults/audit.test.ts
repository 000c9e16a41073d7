import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { type Audit, auditAll, type ReceivedEvent } from "../../kit/audit.ts";
import { receivedFrom } from "../../kit/received-events.ts";
import { openRuntime } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { fiveSteps } from "../fixtures/five-steps.ts";

interface Spoiled {
  /** Run on the database before the audit. */
  readonly sql?: string;
  readonly accepted?: (promised: Map<string, string>) => void;
  readonly received?: (events: ReceivedEvent[]) => void;
}

/** What the audit makes of two sagas, after something was spoiled. */
async function auditAfter({ sql, accepted, received }: Spoiled = {}): Promise<Audit> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "store.db");
  const store = createSqliteStore(path);
  let events: ReceivedEvent[] = [];
  const promised = new Map<string, string>();
  {
    await using runtime = await openRuntime({ store, intents: [fiveSteps] });
    events = receivedFrom(runtime.bus);
    for (const fails of [false, true]) {
      const { execution_id } = await runtime.run(fiveSteps.type, { label: "one", fails });
      promised.set(`key-${promised.size}`, execution_id);
    }
  }
  accepted?.(promised);
  received?.(events);
  if (sql !== undefined) {
    const db = new DatabaseSync(path);
    db.exec(sql);
    db.close();
  }
  const tenantId = trustedTenantId("acme");
  const audit = await auditAll({ store, tenantId, intents: [fiveSteps], accepted: promised, received: events });
  await store.close();
  return audit;
}

describe("the audit", () => {
  it("finds nothing in what is whole", async () => {
    expect(await auditAfter()).toMatchObject({ faults: [], statuses: { completed: 1, compensated: 1 }, executions: 2 });
  });

  it.each<[string, Spoiled, RegExp]>([
    ["an accepted execution that is lost", { accepted: (promised) => promised.set("key-9", "execution_x") }, /is lost/],
    ["an execution that nobody was told of", { accepted: (promised) => promised.delete("key-1") }, /nobody was told/],
    [
      "two keys with one execution",
      { accepted: (promised) => promised.set("k", promised.get("key-0") ?? "") },
      /3 keys have 2/,
    ],
    ["a changed log entry", { sql: "UPDATE log SET text = replace(text, 'reserve', 'reverse')" }, /is changed/],
    ["a lost log entry", { sql: "DELETE FROM log WHERE sequence = 4" }, /is missing/],
    [
      "a state that is not the log's",
      { sql: "UPDATE executions SET head = replace(head, 'one', 'two')" },
      /the log folds to/,
    ],
    ["an event that never came", { received: (events) => events.splice(0, 1) }, /was told (0 times|as \[\])/],
    [
      "an event of two ids",
      { received: (events) => events.push({ ...first(events), eventId: "other" }) },
      /was told as/,
    ],
    ["an id of two events", { received: (events) => events.push({ ...first(events), type: "other" }) }, /stands for/],
    ["a message that was not published", { sql: "UPDATE outbox SET published_ms = NULL" }, /never published/],
  ])("A1-A4: finds %s", async (_, spoiled, fault) => {
    expect((await auditAfter(spoiled)).faults.join("\n")).toMatch(fault);
  });
});

function first(events: readonly ReceivedEvent[]): ReceivedEvent {
  const [event] = events;
  if (event === undefined) throw new Error("there was no event");
  return event;
}
