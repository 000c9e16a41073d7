import { createSession, openRuntime, runSaga } from "./runtime.ts";

/** Fills a database by running sagas through the real engine, many at once so that they share flushes. Arguments: from, to. */
const AT_ONCE = 256;
const SAGAS_A_SESSION = 500;
const [from = 0, to = 0] = process.argv.slice(2).map(Number);

const { services, stop } = await openRuntime({ ...process.env, MAX_RUNNING: String(AT_ONCE) });
let begun = from;
let done = from;
let toldMs = performance.now();

async function work(): Promise<void> {
  while (begun < to) {
    const sessionId = await createSession(services);
    for (let saga = 0; saga < SAGAS_A_SESSION && begun < to; saga += 1) {
      begun += 1;
      await runSaga(services, sessionId);
      done += 1;
      if (performance.now() - toldMs > 5_000) {
        toldMs = performance.now();
        console.log(`${done.toLocaleString("en")} of ${to.toLocaleString("en")}`);
      }
    }
  }
}

await Promise.all(Array.from({ length: Math.min(AT_ONCE, to - from) }, work));
await stop();
