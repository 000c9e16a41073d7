import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import type { StepContext, UndoContext } from "../../shared/sagas/step-context.ts";
import type { JsonObject } from "../../shared/json.ts";
import { plainIntent } from "../kit/plain-intent.ts";
import { openRuntime } from "../kit/runtime.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";

/** More than a commit may hold. */
const LARGE = "x".repeat(200 * 1024);

it("waits for the object store to come back before it records a large result", async () => {
  const large = plainIntent("test.large")
    .step("take", {
      run: (ctx: StepContext<JsonObject, unknown>) => ctx.effects.apply({}).then(() => ({})),
      undo: (ctx: UndoContext<JsonObject, unknown, unknown>) => ctx.effects.undo(),
    })
    .returns(() => ({ text: LARGE }));
  await using folder = await temporaryFolder();
  const objects = join(folder.path, "objects");
  // Where the objects' folder should be is a file: nothing can be written.
  await writeFile(objects, "");
  await using runtime = await openRuntime({ intents: [large], folder: folder.path });
  const { execution } = await runtime.submit("test.large");
  await expect
    .poll(() => runtime.logged.some(({ severity }) => severity === "ERROR"), { message: "the outage is felt" })
    .toBe(true);

  await rm(objects);
  await runtime.services.recovery.sweep();
  const ended = await runtime.services.lifecycle.wait(runtime.tenantId, execution.execution_id, 3_000);
  expect(ended.status).toBe("completed");
});
