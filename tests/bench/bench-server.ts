import { toHttpFunction } from "../../infra/serve/functions-framework.ts";
import { listen } from "../../infra/serve/node-server.ts";
import { createApp } from "../../shared/http/app.ts";
import { answeringStore } from "./answering-store.ts";
import { listenUnderFramework, underFramework } from "./framework-host.ts";
import { openRuntime } from "./runtime.ts";

/** The server under measurement: a process of its own, which tells its address on its first line. */
const answering = process.env["BENCH_STORE"] === "answering";
const runtime = await openRuntime(process.env, answering ? answeringStore : undefined);
const app = createApp(runtime.services);

if (underFramework) {
  console.log(await listenUnderFramework(() => toHttpFunction((request) => app.handle(request))));
  process.once("SIGTERM", () => void runtime.stop().then(() => process.exit(0)));
} else {
  const server = await listen(app, runtime.config);
  console.log(`http://${runtime.config.host}:${server.port}`);
  process.once("SIGTERM", () => {
    void Promise.all([runtime.stop(), server.close(runtime.config.gracePeriodMs)]).then(() => process.exit(0));
  });
}
