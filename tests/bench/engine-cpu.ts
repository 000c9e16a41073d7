import { answeringStore } from "./answering-store.ts";
import { createSession, openRuntime, runSaga } from "./runtime.ts";
import { median } from "./statistics.ts";

const CLIENTS = 32;
const [directory = ".symphainy/engine-cpu", count = "3000", rounds = "7"] = process.argv.slice(2);

/** CPU time of a saga of three steps over a store that does nothing but answer, in this process: for a profiler. */
const { services, stop } = await openRuntime({ DATA_DIR: directory, LOG_LEVEL: "error" }, answeringStore);
const sessionId = await createSession(services);

async function round(): Promise<number> {
  const before = process.cpuUsage();
  let left = Number(count);
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await runSaga(services, sessionId);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / Number(count);
}

await round();
await round();
const times: number[] = [];
for (let each = 0; each < Number(rounds); each += 1) times.push(await round());
console.log(`${median(times).toFixed(1)} µs of CPU a saga (${times.map((time) => time.toFixed(0)).join(", ")})`);
await stop();
