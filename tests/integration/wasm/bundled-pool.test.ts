import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { build } from "esbuild";
import { expect, it } from "vitest";

import { threadCode } from "../../../infra/build/thread-code.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { ECHO, reactor } from "../../kit/wasm/wat.ts";

it("15: a bundled pool runs guests in one process with nothing beside it: neither a store, nor sources, nor esbuild", async () => {
  await using folder = await temporaryFolder();
  const bundle = join(folder.path, "pool.mjs");
  const module = join(folder.path, "echo.wasm");
  await writeFile(module, await reactor(ECHO));
  const contents = `
    import { readFileSync } from "node:fs";
    import { openGuestPool } from "./infra/adapters/wasm/guest-pool.ts";
    const pool = await openGuestPool({ modules: { read: async () => undefined }, threads: 1 });
    const { module } = await pool.admit("acme", readFileSync(process.argv[2]));
    const { output } = await pool.invoke({ tenantId: "acme", instanceId: "i", digest: module.digest,
      input: Buffer.from("[1]"), deadlineMs: 20000, onCall: () => undefined });
    console.log(Buffer.from(output).toString(), Object.keys(process.env).length);
    await pool.close();`;
  await build({
    stdin: { contents, resolveDir: join(import.meta.dirname, "../../.."), loader: "ts" },
    outfile: bundle,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    plugins: [threadCode],
  });
  const { stdout } = await promisify(execFile)(process.execPath, [bundle, module], { cwd: folder.path, env: {} });
  expect(stdout.trim()).toBe("[1] 0");
});
