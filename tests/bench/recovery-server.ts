import { createSession, openRuntime, submit } from "./runtime.ts";
import { slowSteps } from "./saga-kinds.ts";

/** A worker process: takes up what others leave, and submits sagas of its own when it is told how many. Told by its parent. */
const { services } = await openRuntime(process.env, undefined, [slowSteps]);
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
process.on("message", (count: number) => void submitAll(count));
process.send?.("ready");

async function submitAll(count: number): Promise<void> {
  const sessionId = await createSession(services);
  await Promise.all(Array.from({ length: count }, () => submit(services, sessionId, slowSteps.type)));
  process.send?.("accepted");
}
