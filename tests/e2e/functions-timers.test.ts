import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { sharedPubsub, withParts } from "../kit/parts.ts";
import { startTasksStandin, type TasksStandin } from "../kit/tasks-standin.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { connect, expectStatus, send, shapes } from "./client.ts";
import { type Deployment, openDeployment } from "./deployment.ts";
import { functionsOf } from "./fixture-functions.ts";

const SLEEPING = "test.sleeping";
const QUEUE = "projects/p/locations/l/queues/timers";

const SPECS = functionsOf("sleeping", SLEEPING);

withParts(["pubsub"], () => {
  describe("an intent that sleeps", () => {
    let on: Deployment;
    let tasks: TasksStandin;
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;

    beforeAll(async () => {
      [folder, tasks] = [await temporaryFolder(), await startTasksStandin()];
      const env = {
        TIMER_QUEUE: QUEUE,
        TIMER_SERVICE_ACCOUNT: "timers@p.iam.gserviceaccount.com",
        CLOUD_TASKS_EMULATOR_HOST: tasks.host,
      };
      on = await openDeployment(folder.path, await sharedPubsub(), env, SPECS);
    });
    afterAll(async () => {
      await on[Symbol.asyncDispose]();
      await tasks[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });

    it("is woken by its task in another instance, when the one that it began in is gone and nobody sweeps", async () => {
      const client = await connect((await on.start("sleeping_api")).url);
      const [first, second] = [await on.start("sleeping"), await on.start("sleeping")];
      const answer = await send(first.url, {
        method: "POST",
        path: "/test/sleeping",
        body: { tenant_id: client.tenantId, session_id: client.sessionId, parameters: {} },
        headers: { authorization: `Bearer ${client.token}`, prefer: "respond-async" },
      });
      expectStatus(answer, 202);
      const { execution_id } = answer.as(shapes.accepted);
      expect(tasks.tasks, "the timer was set before the answer").toHaveLength(1);
      await first.kill();
      await on.pushTo(SLEEPING, second);
      const ended = await client.ended(execution_id);
      expect(ended).toMatchObject({ status: "completed", output: { process: second.pid } });
    });
  });
});
