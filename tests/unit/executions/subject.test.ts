import { describe, expect, it } from "vitest";
import * as z from "zod";

import { intent } from "../../../shared/sagas/intent.ts";
import { openRuntime } from "../../kit/runtime.ts";

const SUBJECT = "subject-1";
const of = { subjectId: SUBJECT };

/** Two steps, of which the first does what the test wants while it has the subject's data. */
const twoSteps = (during: () => Promise<unknown>) =>
  intent("test.keep", {
    version: 1,
    description: "Keeps a name.",
    sealable: true,
    input: z.object({ name: z.string() }),
    output: z.object({ greeting: z.string() }),
  })
    .step("first", {
      run: async (ctx) => {
        await during();
        ctx.emit("greeted", { name: ctx.input.name });
        return { greeting: `Hello ${ctx.input.name}` };
      },
      undo: () => undefined,
    })
    .step("second", { run: (ctx) => ({ greeting: `${ctx.outputs.first.greeting}!` }) })
    .returns(({ outputs }) => outputs.second);

const nothing = (): Promise<void> => Promise.resolve();

describe("an execution that names a subject", () => {
  it("shows its steps and its caller the data, and its log, its state and its events none", async () => {
    await using on = await openRuntime({ intents: [twoSteps(nothing)] });
    const ended = await on.run("test.keep", { name: "Quillhaven" }, of);
    expect(ended.status).toBe("completed");
    expect(JSON.stringify(ended)).not.toContain("Quillhaven");
    expect(await on.services.claimCheck.redeem(on.tenantId, ended.output ?? null)).toEqual({
      greeting: "Hello Quillhaven!",
    });
    const { items } = await on.services.log.read(
      on.tenantId,
      { executionId: ended.execution_id, order: "newest" },
      { limit: 100 },
    );
    expect(items.length).toBeGreaterThan(5);
    expect(JSON.stringify(items)).not.toContain("Quillhaven");
    await on.services.relay.drain();
    expect(JSON.stringify(on.logged)).not.toContain("Quillhaven");
  });

  it("is one execution for one key, and another body is refused, although neither rests", async () => {
    await using on = await openRuntime({ intents: [twoSteps(nothing)] });
    const keyed = { ...of, idempotencyKey: "once" };
    const first = await on.submit("test.keep", { name: "Quillhaven" }, keyed);
    const again = await on.submit("test.keep", { name: "Quillhaven" }, keyed);
    expect(again).toMatchObject({ fresh: false, execution: { execution_id: first.execution.execution_id } });
    const other = on.submit("test.keep", { name: "Quill" }, keyed);
    await expect(other).rejects.toMatchObject({ code: "idempotency.other_body" });
  });

  it("ends as failed when the subject is erased while it runs, and nothing of it is undone or tried again", async () => {
    let erase: () => Promise<unknown> = nothing;
    await using on = await openRuntime({ intents: [twoSteps(() => erase())] });
    const { subjectKeys } = on.services.adapters.records;
    erase = () => subjectKeys.erase(on.tenantId, SUBJECT, 1);
    const { execution } = await on.submit("test.keep", { name: "Quillhaven" }, of);
    await on.services.lifecycle.idle(execution.execution_id);
    await on.services.recovery.sweep();
    const ended = await on.services.lifecycle.wait(on.tenantId, execution.execution_id, 10_000);
    expect(ended).toMatchObject({ status: "failed", error: { code: "subject.erased", status: 410 } });
    expect(await on.services.lifecycle.replay(on.tenantId, execution.execution_id)).toEqual(ended);
    expect(await on.services.log.verify(on.tenantId, execution.execution_id)).toBeUndefined();
    const repeat = on.services.control.retry(on.tenantId, execution.execution_id, {
      userId: undefined,
      traceId: execution.trace_id,
    });
    await expect(repeat).rejects.toMatchObject({ code: "subject.erased", status: 410 });
  });

  it("cannot be of an intent that keeps more than steps", () => {
    const header = {
      version: 1,
      description: "Waits.",
      sealable: true,
      input: z.object({}),
      output: z.object({}),
    };
    const waiting = () =>
      intent("test.wait", header)
        .sleep("nap", { delay: "1s" })
        .returns(() => ({}));
    expect(waiting).toThrow(expect.objectContaining({ code: "plan.not_sealable" }));
  });
});
