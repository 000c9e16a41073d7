import { describe, expect, it, vi } from "vitest";

import type { StoredStep } from "../../shared/ports/execution-store.ts";
import { withParts } from "../kit/parts.ts";
import { DEAD_AFTER, NOW, patch } from "./execution-store/scenario.ts";
import { openOn, sharedAddress } from "./firestore-scene.ts";

vi.setConfig({ testTimeout: 60_000 });

const small = (position: number, n = 0): StoredStep => ({ position, body: { n } });
const large = (position: number, n = 0): StoredStep => ({ position, body: { n, text: "ü".repeat(5_000) } });

withParts(["firestore"], () => {
  describe("the steps of an execution on firestore", () => {
    it.each<[string, readonly StoredStep[][]]>([
      ["small ones, in its own document", [[small(0), small(1)], [small(1, 1)], [small(2)]]],
      ["a large one, below it", [[large(0)], [small(1)], [large(0, 1)]]],
      ["one that grows, and shrinks again", [[small(0)], [large(0, 1)], [small(0, 2)], [large(0, 3)], [large(0, 4)]]],
      [
        "more than the document has places for",
        [
          [small(23), small(24), small(300)],
          [small(24, 1), small(5)],
        ],
      ],
    ])("are what was committed last, in their order: %s (P1, P2)", async (_, commits) => {
      await using on = await openOn(await sharedAddress());
      const [first = [], ...later] = commits;
      const executionId = await on.admit({ state: patch("running", { steps: first }) });
      for (const steps of later) await on.commit(executionId, { state: patch("running", { steps }) });
      const expected = [...new Map(commits.flat().map((step) => [step.position, step])).values()].toSorted(
        (one, other) => one.position - other.position,
      );
      expect((await on.store.readExecution(on.tenantId, executionId))?.steps).toEqual(expected);
      const claimed = await on.claim(executionId, { nowMs: NOW + 10 * DEAD_AFTER });
      expect(claimed).toMatchObject({ outcome: "claimed", execution: { steps: expected } });
    });

    it("leave nothing behind when the execution is forgotten", async () => {
      await using on = await openOn(await sharedAddress());
      const executionId = await on.admit({ state: patch("running", { steps: [small(0), large(1), small(40)] }) });
      await on.commit(executionId, { state: patch("completed") });
      expect(await on.store.keeping?.forget(on.tenantId, executionId)).toBe("forgotten");
      expect(await on.store.readExecution(on.tenantId, executionId)).toBeUndefined();
    });
  });
});
