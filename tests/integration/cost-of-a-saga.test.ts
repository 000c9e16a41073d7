import { expect, it } from "vitest";

import { openCountedRuntime } from "../../infra/dev/cost/count-run.ts";
import { billOf } from "../../infra/dev/cost/dollars.ts";
import type { Operations } from "../../infra/dev/cost/operations.ts";
import { plannedOperations } from "../../infra/dev/cost/planned-operations.ts";
import { readPrices } from "../../infra/dev/cost/prices.ts";
import { referenceIntents } from "../../infra/dev/cost/reference-intents.ts";
import { withParts } from "../kit/parts.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";

const SAGAS = 10;

/** What is billed for a saga of three short steps on the cloud's default stores, counted as it runs. */
withParts(["redis"], () => {
  it("a strict saga of three short steps is 10 writes and 2 Redis commands, and a million cost 15 dollars at the most", async () => {
    await using folder = await temporaryFolder();
    const runtime = await openCountedRuntime(folder.path, referenceIntents);
    const [definition] = referenceIntents;
    if (definition === undefined) throw new Error("there is no reference intent");
    let operations: Operations;
    try {
      await runtime.run(definition.type, [{}]);
      ({ operations } = await runtime.run(
        definition.type,
        Array.from({ length: SAGAS }, () => ({})),
      ));
    } finally {
      await runtime.close();
    }

    expect(operations).toMatchObject({ commits: 4, documentDeletes: 1 });
    // A commit whose entries are more than 2 ms apart, because the machine did something else meanwhile, takes a document more.
    expect(operations.documentWrites).toBeGreaterThanOrEqual(10);
    expect(operations.documentWrites).toBeLessThan(11);
    expect(operations.documentReads).toBeLessThanOrEqual(2.2);
    expect(operations.redisCommands).toBeLessThanOrEqual(2.4);
    const planned = plannedOperations(definition);
    expect(planned).toMatchObject({ documentWrites: 10, documentReads: 2, documentDeletes: 1, redisCommands: 2 });
    expect(billOf(planned, definition, await readPrices()).running).toBeLessThanOrEqual(15);
  }, 60_000);
});
