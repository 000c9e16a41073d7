import { describe, expect, it } from "vitest";

import { trustedTenantId } from "../../../shared/ids.ts";
import { testIds } from "../../kit/runtime.ts";
import { begin, entry, everything, NOTHING, NOW, type OpenStore, openSession, patch } from "./scenario.ts";

/** What `keeping` promises, of a store that has it. */
export function describeKeeping(open: OpenStore): void {
  describe("keeping", () => {
    const filled = async (on: Awaited<ReturnType<typeof begin>>, status = "completed") => {
      const executionId = testIds.execution();
      const rows = [1, 2, 3].map((sequence) => entry({ sessionId: on.sessionId, executionId }, sequence));
      await on.admit({ executionId, change: { ...NOTHING, log: rows.slice(0, 1) } });
      const steps = [{ position: 0, body: { n: 1 } }];
      await on.commit(executionId, { state: patch(status, { steps }), change: { ...NOTHING, log: rows.slice(1) } });
      return executionId;
    };

    it("forgets an ended execution, its log and its place in every listing, and nothing else", async (test) => {
      await using on = await begin(open);
      const { store, tenantId } = on;
      if (store.keeping === undefined) return test.skip("this store forgets nothing");
      await on.write({ log: [entry({ sessionId: on.sessionId }, 1)] });
      const kept = await filled(on);
      const before = await everything(store, tenantId, [kept]);
      const gone = await filled(on, "failed");
      // Read before, so that whatever is cached of it is there.
      expect(await store.readExecution(tenantId, gone)).toBeDefined();
      expect(await store.keeping.forget(tenantId, gone)).toBe("forgotten");
      expect(await everything(store, tenantId, [kept])).toEqual(before);
      expect(await store.readExecution(tenantId, gone)).toBeUndefined();
      expect(await store.readLog(tenantId, { executionId: gone, order: "newest" }, { limit: 9 })).toEqual({
        items: [],
      });
      const claim = { tenantId, executionId: gone, workerId: on.workerId, nowMs: NOW, deadAfterMs: 1 };
      expect(await store.claim(claim)).toEqual({ outcome: "absent" });
      expect(await store.keeping.forget(tenantId, gone)).toBe("forgotten");
    });

    it("keeps an execution that is not over, and one of another tenant", async (test) => {
      await using on = await begin(open);
      const { store, tenantId } = on;
      if (store.keeping === undefined) return test.skip("this store forgets nothing");
      const unfinished = await filled(on, "running");
      const ended = await filled(on);
      const before = await everything(store, tenantId, [unfinished, ended]);
      expect(await store.keeping.forget(tenantId, unfinished)).toBe("unfinished");
      await store.keeping.forget(trustedTenantId("other"), ended);
      expect(await everything(store, tenantId, [unfinished, ended])).toEqual(before);
    });

    it("names every tenant that has a log, once, be it of a session alone, and none that has none any more", async (test) => {
      await using on = await begin(open);
      const { store } = on;
      if (store.keeping === undefined) return test.skip("this store forgets nothing");
      expect(await store.keeping.tenants()).toEqual([]);
      for (const name of ["a tenant/with: odd % signs", "b"]) {
        const tenantId = trustedTenantId(name);
        const sessionId = testIds.session();
        await openSession(store, tenantId, sessionId);
        const requires = { kind: "session", id: sessionId, atMs: NOW, prolongToMs: NOW };
        for (const executionId of [testIds.execution(), testIds.execution()]) {
          const log = [entry({ sessionId, executionId }, 1)];
          await on.admit({ tenantId, sessionId, executionId, requires, change: { ...NOTHING, log } });
        }
      }
      // By code unit it comes between the others, encoded before them, and too long for a name to hold: it says itself whose it is.
      const long = trustedTenantId(`a${"é".repeat(120)}`);
      const sessions = [trustedTenantId("ab"), long, trustedTenantId("zebra")].map(async (tenantId) => {
        const text = JSON.stringify({ tenant_id: tenantId });
        const rows = [1, 2].map((sequence) => entry({ sessionId: on.sessionId }, sequence, { text }));
        expect(await store.write(tenantId, { ...NOTHING, log: rows })).toEqual({ outcome: "written" });
      });
      await Promise.all(sessions);
      const gone = await filled(on);
      expect((await store.keeping.tenants()).toSorted()).toEqual(
        ["a tenant/with: odd % signs", "ab", "acme", long, "b", "zebra"].toSorted(),
      );
      await store.keeping.forget(on.tenantId, gone);
      const left = await store.keeping.tenants();
      expect(left).not.toContain(on.tenantId);
      expect(left).toHaveLength(5);
    });
  });
}
