import { expect, it } from "vitest";

import { missingParts } from "../../../infra/adapters/tiered/archive-parts.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { StepContext } from "../../../shared/sagas/step-context.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime } from "../../kit/runtime.ts";

it("what is archived of an execution with many large events comes in parts of bytes that one commit takes", async () => {
  const large = plainIntent("test.large")
    .map("each", {
      over: () => Array.from({ length: 20 }, (_, n) => n),
      concurrency: 20,
      run: (ctx: StepContext<JsonObject, unknown>) => {
        for (let n = 0; n < 4; n += 1) ctx.emit("told", { text: "x".repeat(125_000) });
        return {};
      },
    })
    .returns(() => ({}));
  await using runtime = await openRuntime({ intents: [large] });
  const { execution_id: executionId, chain } = await runtime.run("test.large");
  const ref = { tenantId: runtime.tenantId, executionId };
  const stored = await runtime.store.readExecution(ref.tenantId, executionId);
  if (stored === undefined) throw new Error("it is not there");
  const parts = await missingParts(runtime.store, ref, stored, undefined);
  expect(parts.length).toBeGreaterThan(1);
  for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(10 * 1024 * 1024);
  expect(parts.flatMap(({ rows }) => rows.map(({ sequence }) => sequence)).at(-1)).toBe(chain.sequence);
  expect(parts.flatMap(({ rows }) => rows)).toHaveLength(chain.sequence);
  expect(parts.flatMap(({ state }) => state.steps)).toHaveLength(21);
});
