import { describe, expect, it } from "vitest";

import type { SessionId } from "../../../shared/ids.ts";
import type { ExecutionFilter } from "../../../shared/ports/execution-store.ts";
import { testIds } from "../../kit/runtime.ts";
import { allPages, begin, NOW, type OpenStore, openSession, patch, type Scenario } from "./scenario.ts";

const STATUSES = ["running", "suspended", "completed", "failed"] as const;

/** What reading and listing executions promises. */
export function describeExecutions(open: OpenStore): void {
  describe("executions", () => {
    it("S8: every combination of filters gives exactly the executions that match, newest first, page by page", async () => {
      await using on = await begin(open);
      const { executions, sessions } = await manyExecutions(on);
      for (const status of [undefined, ...STATUSES, "pending"])
        for (const intentType of [undefined, "test.a", "test.b", "test.none"])
          for (const sessionId of [undefined, ...sessions])
            for (const live of [undefined, false, true]) {
              const filter: ExecutionFilter = { status, intentType, sessionId, live };
              const expected = executions.filter((execution) => matches(execution, filter)).toReversed();
              const found = await allPages((page) => on.store.listExecutions(on.tenantId, filter, page), 3);
              expect({ filter, found }).toEqual({ filter, found: expected.map(({ head }) => head) });
            }
    });

    it("an execution moves between the listings of statuses as it is committed", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      const listed = async (filter: ExecutionFilter) =>
        (await on.store.listExecutions(on.tenantId, filter, { limit: 9 })).items;
      await on.commit(executionId, { state: patch("completed", { head: { final: true } }) });
      expect(await listed({ status: "running" })).toEqual([]);
      expect(await listed({ live: true })).toEqual([]);
      expect(await listed({ status: "completed" })).toEqual([{ final: true }]);
    });

    it("S8: paging neither repeats nor misses one while others are accepted", async () => {
      await using on = await begin(open);
      const admit = async (n: number) =>
        await on.admit({ createdMs: NOW + n, state: patch("running", { head: { n } }) });
      for (let n = 0; n < 9; n += 1) await admit(n);
      let next = 9;
      const seen = await allPages(
        (page) => on.store.listExecutions(on.tenantId, {}, page),
        2,
        async () => {
          await admit(next);
          next += 1;
        },
      );
      expect(seen).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => ({ n })));
    });

    it("an execution that does not exist is undefined", async () => {
      await using on = await begin(open);
      expect(await on.store.readExecution(on.tenantId, testIds.execution())).toBeUndefined();
    });
  });
}

interface Made {
  readonly head: { readonly n: number };
  readonly status: string;
  readonly intentType: string;
  readonly sessionId: SessionId;
}

async function manyExecutions(on: Scenario) {
  const second = testIds.session();
  await openSession(on.store, on.tenantId, second);
  const sessions = [on.sessionId, second];
  const executions: Made[] = [];
  for (let n = 0; n < 24; n += 1) {
    const status = STATUSES[n % STATUSES.length] ?? STATUSES[0];
    const intentType = n % 3 === 0 ? "test.a" : "test.b";
    const sessionId = sessions[n % 5 === 0 ? 0 : 1] ?? second;
    const head = { n };
    const executionId = await on.admit({
      createdMs: NOW + n,
      intentType,
      sessionId,
      state: patch("running", { head }),
    });
    if (status !== "running") await on.commit(executionId, { state: patch(status, { head }) });
    executions.push({ head, status, intentType, sessionId });
  }
  return { executions, sessions };
}

function matches(execution: Made, filter: ExecutionFilter): boolean {
  return (
    (filter.status ?? execution.status) === execution.status &&
    (filter.intentType ?? execution.intentType) === execution.intentType &&
    (filter.sessionId ?? execution.sessionId) === execution.sessionId &&
    (filter.live !== true || execution.status === "running" || execution.status === "suspended")
  );
}
