import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { createFileObjectStore } from "../../../infra/adapters/files/object-store.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";
import { createModuleStore } from "../../../shared/wasm/module-store.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

const acme = trustedTenantId("acme");
const bytes = Buffer.from("\0asm\u0001\0\0\0", "latin1");

describe("the store of modules", () => {
  it("gives back what was kept, to its own tenant only", async () => {
    await using folder = await temporaryFolder();
    const modules = createModuleStore(createFileObjectStore(folder.path));
    const digest = await modules.keep(acme, bytes);
    expect(digest).toBe(sha256(bytes));
    expect(await modules.keep(acme, bytes)).toBe(digest);
    expect(Buffer.from((await modules.read(acme, digest)) ?? [])).toEqual(bytes);
    expect(await modules.read(trustedTenantId("rival"), digest)).toBeUndefined();
  });

  it("has nothing under what is no digest, and refuses bytes that were changed", async () => {
    await using folder = await temporaryFolder();
    const modules = createModuleStore(createFileObjectStore(folder.path));
    const digest = await modules.keep(acme, bytes);
    for (const other of ["", "../acme/x", "0".repeat(64), digest.toUpperCase()])
      expect(await modules.read(acme, other)).toBeUndefined();
    const names = await readdir(join(folder.path, "modules", "acme"));
    expect(names).toEqual([`${digest}.wasm`]);
    await writeFile(join(folder.path, "modules", "acme", `${digest}.wasm`), "changed");
    await expect(modules.read(acme, digest)).rejects.toMatchObject({ code: "object.damaged" });
  });
});
