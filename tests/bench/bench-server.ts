import { listen } from "../../infra/serve/node-server.ts";
import { createApp } from "../../shared/http/app.ts";
import { answeringStore } from "./answering-store.ts";
import { openRuntime } from "./runtime.ts";

/** The server under measurement: a process of its own, which tells its address on its first line. */
const answering = process.env["BENCH_STORE"] === "answering";
const runtime = await openRuntime(process.env, answering ? answeringStore : undefined);
const server = await listen(createApp(runtime.services), runtime.config);
console.log(`http://${runtime.config.host}:${server.port}`);

process.once("SIGTERM", () => {
  void Promise.all([runtime.stop(), server.close(runtime.config.gracePeriodMs)]).then(() => process.exit(0));
});
