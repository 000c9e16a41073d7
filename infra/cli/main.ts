import { setTimeout } from "node:timers/promises";

import { COMMANDS } from "./commands.ts";
import { EXIT } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

const FORCE_AFTER_MS = 1_500;

const controller = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    controller.abort();
    // Commands end by themselves once aborted; this is for one that hangs in spite of it.
    setTimeout(FORCE_AFTER_MS, undefined, { ref: false }).then(
      () => process.kill(process.pid, signal),
      () => undefined,
    );
  });
}
// A reader that has seen enough, as in `symphainy wal | head`, is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    controller.abort();
    process.exitCode = EXIT.ok;
  });
}

const code = await runCli(process.argv.slice(2), COMMANDS, {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  now: () => Date.now(),
  sleep: (delayMs, signal) => setTimeout(delayMs, undefined, { signal }).catch(() => undefined),
  interrupted: controller.signal,
});
process.exitCode ??= code;
