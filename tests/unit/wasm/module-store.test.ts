import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { createFileObjectStore } from "../../../infra/adapters/files/object-store.ts";
import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { createStorageQuota } from "../../../shared/artifacts/storage-quota.ts";
import { readStorageUse } from "../../../shared/artifacts/storage-use.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";
import { ALL } from "../../../shared/state/record-kind.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { CHAIN_START } from "../../../shared/state/log-entry.ts";
import { UnitOfWork } from "../../../shared/state/unit-of-work.ts";
import { instanceKind } from "../../../shared/wasm/instance-record.ts";
import { moduleKind } from "../../../shared/wasm/module-record.ts";
import { createModuleStore } from "../../../shared/wasm/module-store.ts";
import { testIds } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { createManualClock } from "../manual-clock.ts";

const acme = trustedTenantId("acme");
const rival = trustedTenantId("rival");
const bytes = Buffer.from("\0asm\u0001\0\0\0", "latin1");
const digest = sha256(bytes);
const OVER_AN_HOUR_MS = 71 * 60_000;

/** Fails from a contact on, before or after it took effect, as a process does that dies there. */
interface Death {
  readonly contact: number;
  readonly when: "before" | "after";
}

async function openStores(limit?: number) {
  const folder = await temporaryFolder();
  const clock = createManualClock();
  const store = createSqliteStore(":memory:");
  const surface = createStateSurface(store);
  const objects = createFileObjectStore(folder.path);
  const use = (tenantId: typeof acme) => readStorageUse({ store, surface, objects, clock }, tenantId);
  const quota = createStorageQuota({ use, limitOf: () => limit });
  const deps = { store, surface, objects, quota, clock, ids: testIds };
  let contacts = 0;
  /** A store of modules whose process dies at a contact with the outside. */
  const mortal = (death?: Death) => {
    let dead = false;
    const contact =
      <Given extends readonly unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
      async (...given: Given): Promise<Answer> => {
        contacts += 1;
        if (dead || (contacts === death?.contact && death.when === "before")) {
          dead = true;
          throw new Error("dead");
        }
        const answer = await call(...given);
        dead = contacts === death?.contact;
        if (dead) throw new Error("dead");
        return answer;
      };
    contacts = 0;
    return createModuleStore({
      ...deps,
      store: { write: contact(store.write) },
      surface: createStateSurface({
        ...store,
        readRecord: contact(store.readRecord),
        listRecords: contact(store.listRecords),
      }),
      objects: {
        read: contact(objects.read),
        size: contact(objects.size),
        write: contact(objects.write),
        delete: contact(objects.delete),
      },
    });
  };
  /** Makes or deletes an instance of the module, as a record alone. */
  const name = async (instance: string, exists: boolean) => {
    const unit = new UnitOfWork(surface, acme, clock.now());
    await unit.get(instanceKind, instance);
    if (exists)
      unit.put(instanceKind, instance, {
        metadata: {
          instance_id: asId.instance(instance),
          tenant_id: acme,
          node_id: asId.node("node_local"),
          module_hash: digest,
          created_at: "2026-01-01T00:00:00.000Z",
          status: "running",
        },
        restart_policy: { policy_type: "never", backoff_seconds: 5 },
        capabilities: [],
        epoch: 1,
        crash_count: 0,
        chain: CHAIN_START,
      });
    else unit.delete(instanceKind, instance);
    await store.write(acme, { records: unit.records, log: [], outbox: [], mail: [] });
  };
  const kept = async () => {
    const files = await readdir(join(folder.path, "modules", "acme"), { recursive: true }).catch(() => []);
    const records = await surface.list(acme, moduleKind, ALL, { limit: 10 });
    return {
      files: files.filter((file) => file.endsWith(".wasm")).length,
      records: records.total,
      bytes: (await use(acme)).bytes,
    };
  };
  return {
    modules: createModuleStore(deps),
    mortal,
    clock,
    name,
    kept,
    folder,
    contacts: () => contacts,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("the store of modules", () => {
  it("gives back what was kept, to its own tenant only, and counts the same bytes once", async () => {
    await using on = await openStores();
    expect(await Promise.all([on.modules.keep(acme, bytes), on.modules.keep(acme, bytes)])).toEqual([digest, digest]);
    expect(Buffer.from((await on.modules.read(acme, digest)) ?? [])).toEqual(bytes);
    expect(await on.modules.read(rival, digest)).toBeUndefined();
    expect(await on.kept()).toEqual({ files: 1, records: 1, bytes: bytes.length });
  });

  it("has nothing under what is no digest, and refuses bytes that were changed", async () => {
    await using on = await openStores();
    await on.modules.keep(acme, bytes);
    for (const other of ["", "../acme/x", "0".repeat(64), digest.toUpperCase()])
      expect(await on.modules.read(acme, other)).toBeUndefined();
    const folder = join(on.folder.path, "modules", "acme");
    const [place = ""] = await readdir(folder);
    await writeFile(join(folder, place, `${digest}.wasm`), "changed!");
    await expect(on.modules.read(acme, digest)).rejects.toMatchObject({ code: "object.damaged" });
  });

  it("refuses a module that there is no room for, and keeps nothing of it", async () => {
    await using on = await openStores(bytes.length - 1);
    await expect(on.modules.keep(acme, bytes)).rejects.toMatchObject({ code: "policy.storage_exceeded", status: 429 });
    expect(await on.kept()).toEqual({ files: 0, records: 0, bytes: 0 });
  });

  it("M1: keeps a module while an instance names it, and for an hour while one may be about to", async () => {
    await using on = await openStores();
    const all = { files: 1, records: 1, bytes: bytes.length };
    await on.modules.keep(acme, bytes);
    await on.modules.release(acme, digest);
    expect(await on.kept()).toEqual(all);
    await on.name("instance_1", true);
    await on.clock.advance(OVER_AN_HOUR_MS);
    await on.modules.sweep(acme);
    expect(await on.kept()).toEqual(all);
    // Asked for once more by one that is not there yet: the hour begins anew.
    await on.modules.keep(acme, bytes);
    await on.name("instance_1", false);
    await on.modules.release(acme, digest);
    expect(await on.kept()).toEqual(all);
    await on.clock.advance(OVER_AN_HOUR_MS);
    await on.modules.sweep(acme);
    expect(await on.kept()).toEqual({ files: 0, records: 0, bytes: 0 });
    expect(await on.modules.read(acme, digest)).toBeUndefined();
  });

  it("M1: one that is asked for while it is given up is there afterwards, whoever comes first", async () => {
    await using on = await openStores();
    for (let round = 0; round < 20; round += 1) {
      await on.modules.keep(acme, bytes);
      await on.clock.advance(OVER_AN_HOUR_MS);
      await Promise.all([on.modules.release(acme, digest), on.modules.keep(acme, bytes), on.modules.sweep(acme)]);
      await on.modules.sweep(acme);
      expect(Buffer.from((await on.modules.read(acme, digest)) ?? [])).toEqual(bytes);
      expect(await on.kept()).toEqual({ files: 1, records: 1, bytes: bytes.length });
    }
  });

  it("M2, M3: whatever contact its process dies at, keeping again keeps all of it and giving up leaves nothing", async () => {
    let deaths = 0;
    for (const work of ["keep", "release"] as const) {
      for (let contact = 1, reached = true; reached; contact += 1) {
        for (const when of ["before", "after"] as const) {
          await using on = await openStores();
          if (work === "release") {
            await on.modules.keep(acme, bytes);
            await on.clock.advance(OVER_AN_HOUR_MS);
          }
          const mortal = on.mortal({ contact, when });
          const ended = await (work === "keep" ? mortal.keep(acme, bytes) : mortal.release(acme, digest)).then(
            () => "whole",
            () => "dead",
          );
          reached = ended === "dead";
          deaths += reached ? 1 : 0;
          // What rests counts, whether or not its bytes are there.
          const { records, bytes: counted, files } = await on.kept();
          expect(counted).toBeGreaterThanOrEqual(records === 0 ? files * bytes.length : 0);
          await on.modules.keep(acme, bytes);
          expect(Buffer.from((await on.modules.read(acme, digest)) ?? [])).toEqual(bytes);
          await on.clock.advance(OVER_AN_HOUR_MS);
          await on.modules.sweep(acme);
          expect(await on.kept()).toEqual({ files: 0, records: 0, bytes: 0 });
        }
      }
    }
    expect(deaths).toBeGreaterThan(20);
  });

  it("M3: who was about to remove bytes, and is late, removes nothing of what was kept since", async () => {
    await using on = await openStores();
    await on.modules.keep(acme, bytes);
    await on.clock.advance(OVER_AN_HOUR_MS);
    // Dies right after the commit that gives the module up, its bytes still there.
    let contact = 1;
    for (; (await on.kept()).bytes > 0; contact += 1)
      await on
        .mortal({ contact, when: "after" })
        .release(acme, digest)
        .catch(() => undefined);
    expect(await on.kept()).toMatchObject({ files: 1, bytes: 0 });
    await on.modules.keep(acme, bytes);
    expect((await on.kept()).files).toBe(2);
    await on.modules.release(acme, digest);
    expect(await on.kept()).toEqual({ files: 1, records: 1, bytes: bytes.length });
    expect(Buffer.from((await on.modules.read(acme, digest)) ?? [])).toEqual(bytes);
  });
});
