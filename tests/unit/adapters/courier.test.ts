import { expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { createCourier } from "../../../infra/adapters/tiered/courier.ts";
import { createHomes } from "../../../infra/adapters/tiered/homes.ts";
import { noticeMessages } from "../../../infra/adapters/tiered/notices.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { type ExecutionId, trustedTenantId } from "../../../shared/ids.ts";
import { createLogger } from "../../../shared/logger.ts";
import { testIds } from "../../kit/runtime.ts";
import { createManualClock } from "../manual-clock.ts";

const tenantId = trustedTenantId("acme");

it("C2: however many notices cannot be delivered, those behind them are, and they are tried again later", async () => {
  const [fast, cold] = [createSqliteStore(":memory:"), createSqliteStore(":memory:")];
  const clock = createManualClock();
  const messageOf = noticeMessages(testIds);
  const leave = async (execution_id: ExecutionId): Promise<void> => {
    const notice = { kind: "archive", tenant_id: tenantId, execution_id, status: "running", terminal: false } as const;
    await fast.write(tenantId, { records: [], log: [], outbox: [messageOf(tenantId, notice)], mail: [] });
  };
  const broken = new Set(Array.from({ length: 450 }, () => testIds.execution()));
  const [good, last] = [testIds.execution(), testIds.execution()];
  const tried: ExecutionId[] = [];
  const archive = async ({ execution_id }: { readonly execution_id: ExecutionId }): Promise<void> => {
    tried.push(execution_id);
    if (broken.has(execution_id)) throw new RuntimeError("archive.broken_chain", "Broken.");
    return Promise.resolve();
  };
  const courier = createCourier({
    fast,
    cold,
    write: cold.write,
    archivist: { archive, putOff: () => Promise.resolve() },
    homes: createHomes(fast, cold),
    clock,
    logger: createLogger({ clock, level: "error", write: () => undefined }),
  });

  for (const id of [...broken, good]) await leave(id);
  expect(await courier.carry()).toBe(1);
  expect(tried).toEqual([...broken, good]);
  await leave(last);
  expect(await courier.carry()).toBe(1);
  expect(tried).toEqual([...broken, good, last]);
  await clock.advance(31_000);
  broken.clear();
  expect(await courier.carry()).toBe(450);
  await Promise.all([fast.close(), cold.close()]);
});
