import { loadConfig } from "../../shared/config.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { setUpGraph } from "./set-up-graph.ts";
import { setUpData } from "../schema/set-up-data.ts";

/** `npm run setup:data`: makes the data plane's stores, as the environment names them, ready to be used. Twice is as good as once. */
try {
  const config = loadConfig(process.env);
  for (const { store, done } of [...(await setUpData(config)), await setUpGraph(config)]) {
    process.stdout.write(`${store}: ${done.length === 0 ? "nothing to do" : done.join(", ")}\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof RuntimeError ? `${error.code}: ${error.message}` : String(error)}\n`);
  process.exitCode = 1;
}
