import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { expect, it, vi } from "vitest";

import { startRedis } from "../../../infra/dev/parts/redis-server.ts";
import { sharedFirestore, sharedPubsub, withParts } from "../../kit/parts.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

withParts(["firestore", "pubsub"], () => {
  it("gives every test of a run the same emulators, started once", async () => {
    const [first, again, other] = await Promise.all([sharedFirestore(), sharedFirestore(), sharedPubsub()]);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect((await fetch(`http://${first}/`)).status).toBe(200);
    expect((await fetch(`http://${other}/`)).status).toBe(200);
  });
});

withParts(["redis"], () => {
  it("says what is wrong when a part cannot have the port that it was given", async () => {
    await using folder = await temporaryFolder();
    await using first = await startRedis({ directory: folder.path });
    await expect(startRedis({ directory: folder.path, port: first.port })).rejects.toMatchObject({
      code: "part.not_started",
      message: expect.stringMatching(/port \d+ is in use/),
    });
  });

  it("ends with the process that started it, also when that is killed", async () => {
    await using folder = await temporaryFolder();
    const script = fileURLToPath(new URL("fixtures/starts-redis.ts", import.meta.url));
    const parent = spawn(process.execPath, [script, folder.path], { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(said.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000 });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
