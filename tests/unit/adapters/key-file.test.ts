import { fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import { loadKeyFile } from "../../../infra/adapters/key-file/key-file.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

it("makes a key that only its owner may read, and gives the same one from then on", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "below", "key");
  const key = loadKeyFile(file);
  expect(key).toHaveLength(32);
  expect(loadKeyFile(file)).toEqual(key);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder.path, "below"))).toEqual(["key"]);
});

it.each([0, 31, 33])("takes %i bytes for no key, and leaves them where they are", async (length) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "key");
  await writeFile(file, new Uint8Array(length));
  expect(() => loadKeyFile(file)).toThrow(`has ${length} bytes and no key of 32`);
  expect(await readFile(file)).toHaveLength(length);
});

it("gives processes that start at once one key", async () => {
  await using folder = await temporaryFolder();
  const program = join(folder.path, "load.mjs");
  const module = new URL("../../../infra/adapters/key-file/key-file.ts", import.meta.url).href;
  await writeFile(
    program,
    `import { loadKeyFile } from ${JSON.stringify(module)};
     process.send("ready");
     process.once("message", (file) => process.send(Buffer.from(loadKeyFile(file)).toString("hex"), () => process.exit()));`,
  );
  const processes = Array.from({ length: 4 }, () => fork(program));
  await Promise.all(processes.map((each) => once(each, "message")));
  const keys = processes.map(async (each) => {
    const [key] = (await once(each, "message")) as [string];
    return key;
  });
  for (const each of processes) each.send(join(folder.path, "key"));
  const found = new Set(await Promise.all(keys));
  expect([found.size, [...found][0]]).toEqual([1, expect.stringMatching(/^[0-9a-f]{64}$/)]);
});
