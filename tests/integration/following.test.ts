import { expect, it, vi } from "vitest";
import * as z from "zod";

import { createApp } from "../../shared/http/app.ts";
import type { ExecutionId } from "../../shared/ids.ts";
import { type Lab, openLab } from "../kit/lab.ts";
import { plainIntent } from "../kit/plain-intent.ts";
import { fetchApp } from "../kit/fetch-app.ts";

const waiting = plainIntent("test.waiting")
  .await("word", { schema: z.string() })
  .returns(() => ({}));

/** A tenant's caller of the app over the lab's first worker. */
async function callerOf(on: Lab) {
  const { services } = on.first;
  const app = createApp(services);
  const issued = await services.adapters.devTokens?.issue({ tenantId: on.tenantId, userId: undefined });
  const headers = { authorization: `Bearer ${issued?.token ?? ""}` };
  return async (executionId: ExecutionId, what: string, more: Readonly<Record<string, string>> = {}) => {
    const url = `http://localhost/execution/${executionId}/${what}?tenant_id=${on.tenantId}`;
    return fetchApp(app, new Request(url, { headers: { ...headers, ...more } }));
  };
}

const say = async (on: Lab, executionId: ExecutionId) =>
  on.first.services.control.signal(on.tenantId, executionId, { name: "word", payload: "yes" });

it("looks at the log alone, and not at the whole execution, as long as somebody follows what waits", async () => {
  let read = 0;
  await using on = await openLab({
    intents: [waiting],
    over: (inner) => ({
      readExecution: (...asked) => {
        read += 1;
        return inner.readExecution(...asked);
      },
    }),
  });
  const { execution_id } = await on.play("test.waiting", "suspended");
  const call = await callerOf(on);
  const { body } = await call(execution_id, "events");
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  const next = async () => {
    const { value, done } = await reader.read();
    text += value === undefined ? "" : Buffer.from(value).toString();
    return !done;
  };
  while (!text.includes("execution_suspended")) await next();
  const before = read;
  for (let look = 0; look < 5; look += 1) {
    const silence = next();
    await on.clock.advance(1_000);
    await silence;
  }
  expect(text).toMatch(/(: \n\n){5}$/);
  expect(read).toBe(before);
  await say(on, execution_id);
  while (await next());
  expect(text).toContain("event: execution_completed");
});

it.each(["99999999", "-5", "7.5", "x"])(
  "ends with the execution for whoever says to have read up to %s",
  async (last) => {
    await using on = await openLab({ intents: [waiting] });
    const { execution_id, chain } = await on.play("test.waiting", "suspended");
    const call = await callerOf(on);
    const answer = await call(execution_id, "events", { "last-event-id": last });
    await say(on, execution_id);
    const text = await answer.text();
    expect(text).toContain("event: execution_completed");
    const first = Number(/^id: (\d+)$/m.exec(text)?.[1]);
    expect(first).toBe(last === "99999999" ? chain.sequence + 1 : 1);
  },
);

it("answers a reader who prefers to wait once the execution has ended, and after that time as it is", async () => {
  await using on = await openLab({ intents: [waiting] });
  const { execution_id } = await on.play("test.waiting", "suspended");
  const call = await callerOf(on);
  const statusOf = async (answering: Promise<Response>) => {
    let answer: Response | undefined;
    const answered = answering.then((come) => void (answer = come));
    await vi.waitFor(async () => {
      await on.clock.advance(250);
      expect(answer).toBeDefined();
    });
    await answered;
    return z.object({ status: z.string() }).parse(await answer?.json()).status;
  };
  expect(await statusOf(call(execution_id, "status", { prefer: "wait=1" }))).toBe("suspended");
  const long = call(execution_id, "status", { prefer: "wait=60" });
  await say(on, execution_id);
  expect(await statusOf(long)).toBe("completed");
});
