import { join } from "node:path";

import { expect, it } from "vitest";

import { openRemotePool } from "../../../infra/adapters/wasm-runner/remote-pool.ts";
import { systemClock } from "../../../infra/adapters/system/system.ts";
import { bundleFunctions } from "../../../infra/build/bundle.ts";
import { startWasmRunner } from "../../../infra/dev/parts/wasm-runner.ts";
import { asId } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";
import { createLogger } from "../../../shared/logger.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { acme, outputOf } from "../../kit/wasm/guest-scene.ts";
import { ECHO, reactor } from "../../kit/wasm/wat.ts";

it("the runner that lies in the image beside the functions runs guests, and refuses to start with a secret", async () => {
  await using folder = await temporaryFolder();
  const dist = join(folder.path, "dist");
  await bundleFunctions(dist, []);
  const file = join(dist, "wasm_runner.mjs");
  await using runner = await startWasmRunner({ file });
  const module = await reactor(ECHO);
  const pool = openRemotePool({
    url: `http://${runner.host}:${runner.port}`,
    modules: { read: () => Promise.resolve(module) },
    token: () => Promise.resolve(undefined),
    logger: createLogger({ clock: systemClock, level: "error", write: () => undefined }),
  });
  const outcome = await pool.invoke({
    tenantId: acme,
    instanceId: asId.instance("instance_1"),
    digest: sha256(module),
    input: Buffer.from("[1]"),
    deadlineMs: 20_000,
    onCall: () => Promise.reject(new Error("It asks nothing.")),
  });
  await pool.close();
  expect(outputOf(outcome)).toBe("[1]");
  await expect(startWasmRunner({ file, env: { SUBJECT_MASTER_KEY: "anything" } })).rejects.toThrow(
    /SUBJECT_MASTER_KEY: is a secret/,
  );
});
