import { join } from "node:path";

import { expect, it } from "vitest";

import { bundleFunctions } from "../../../infra/build/bundle.ts";
import { startWasmRunner } from "../../../infra/dev/parts/wasm-runner.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { echoedBy } from "../../kit/wasm/remote-echo.ts";

it("the runner that lies in the image beside the functions runs guests, and refuses to start with a secret", async () => {
  await using folder = await temporaryFolder();
  const dist = join(folder.path, "dist");
  await bundleFunctions(dist, []);
  const file = join(dist, "wasm_runner.cjs");
  await using runner = await startWasmRunner({ file });
  expect(await echoedBy(`http://${runner.host}:${runner.port}`, "[1]")).toBe("[1]");
  await expect(startWasmRunner({ file, env: { SUBJECT_MASTER_KEY: "anything" } })).rejects.toThrow(
    /SUBJECT_MASTER_KEY: is a secret/,
  );
});
