import { createRedisStore } from "../../infra/adapters/redis/execution-store.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { answeringStore, later } from "./answering-store.ts";
import { createSession, openRuntime, runSaga } from "./runtime.ts";
import { quantile } from "./statistics.ts";

const CLIENTS = 32;
const SAGAS = 500;
const WARM_UP = 20;
const [kind = "none", rounds = "60", directory = ".symphainy/engine-cpu"] = process.argv.slice(2);

/**
 * CPU time of a saga of three steps in this process, for a profiler: `none` over a store that does nothing but answer, `redis` over
 * the Redis adapter and a connection that does nothing but answer. The lowest of many short rounds is what other work disturbed least.
 */
const { services, stop } = await openRuntime({ DATA_DIR: directory, LOG_LEVEL: "error" }, (store) =>
  answeringStore(kind === "redis" ? { ...store, ...answeringRedis() } : store, kind === "redis"),
);
const sessionId = await createSession(services);

function answeringRedis(): Pick<ExecutionStore, "accept" | "commit"> {
  const connection = {
    evalsha: (_sha: string, _keys: readonly string[], args: readonly string[]) =>
      later(args[0]?.startsWith("worker") ? "accepted" : `committed ${args[0]?.includes(" completed ") ? 0 : 1} 0`),
    eval: () => Promise.resolve(null),
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const { accept, commit } = createRedisStore(connection, { senderName: "bench" });
  return { accept, commit };
}

async function round(): Promise<number> {
  const before = process.cpuUsage();
  let left = SAGAS;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await runSaga(services, sessionId);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / SAGAS;
}

const times: number[] = [];
for (let each = 0; each < WARM_UP + Number(rounds); each += 1) {
  const time = await round();
  if (each >= WARM_UP) times.push(time);
}
console.log(
  `${quantile(times, 0).toFixed(1)} µs of CPU a saga at the least, ${quantile(times, 0.25).toFixed(1)} in a quarter`,
);
await stop();
