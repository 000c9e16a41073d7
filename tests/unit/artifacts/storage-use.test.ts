import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createFileObjectStore } from "../../../infra/adapters/files/object-store.ts";
import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { type Artifact, artifactKind, type Materialization } from "../../../shared/artifacts/artifact.ts";
import { createArtifactBytes } from "../../../shared/artifacts/artifact-bytes.ts";
import { materializationFor } from "../../../shared/artifacts/materialization-policy.ts";
import { createArtifactScope } from "../../../shared/artifacts/artifact-scope.ts";
import { createStorageQuota } from "../../../shared/artifacts/storage-quota.ts";
import { readStorageUse } from "../../../shared/artifacts/storage-use.ts";
import { storedBytesChange, storedBytesOf } from "../../../shared/artifacts/stored-bytes.ts";
import { takeUpload, uploadPath } from "../../../shared/artifacts/upload.ts";
import { createUploads } from "../../../shared/artifacts/uploads.ts";
import { durationMs } from "../../../shared/duration.ts";
import { type ArtifactId, type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import { ALL } from "../../../shared/state/record-kind.ts";
import { giveUpSubjectBytes } from "../../../shared/steward/subject-erasure.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { UnitOfWork } from "../../../shared/state/unit-of-work.ts";
import { testIds } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { createManualClock } from "../manual-clock.ts";

const decideByDefault = (artifactType: string) => Promise.resolve(materializationFor(artifactType));

const ACME = trustedTenantId("acme");
const GLOBEX = trustedTenantId("globex");
const FORM = { format: "txt", contentType: "text/plain" };

async function open(limit?: number) {
  const folder = await temporaryFolder();
  const store = createSqliteStore(":memory:");
  const surface = createStateSurface(store);
  const clock = createManualClock();
  const objects = createFileObjectStore(folder.path);
  const use = (tenantId: TenantId = ACME) => readStorageUse({ store, surface, objects, clock }, tenantId);
  const quota = createStorageQuota({ use, limitOf: (tenantId) => (tenantId === ACME ? limit : undefined) });
  const uploads = createUploads({ store, surface, objects, clock, ids: testIds, quota });
  const bytes = createArtifactBytes({ objects, clock, ids: testIds, quota });

  /** What one step does, up to its commit; undefined leaves it uncommitted, as a crash would. */
  const begin = (tenantId: TenantId = ACME) => {
    const unit = new UnitOfWork(surface, tenantId, clock.now());
    const producer = { intentType: "test.intent", executionId: testIds.execution() };
    const scope = createArtifactScope({ unit, bytes, producer, nowMs: () => clock.now(), decide: decideByDefault });
    const commit = async () =>
      (await store.write(tenantId, { records: unit.records, log: [], outbox: [], mail: [] })).outcome;
    return { unit, scope, commit };
  };
  const register = async (materializations: readonly Materialization[] = [], tenantId: TenantId = ACME) => {
    const { scope, commit } = begin(tenantId);
    const { artifact_id } = await scope.register({
      artifact_id: testIds.file(),
      artifact_type: "file",
      semantic_descriptor: { schema: "bytes" },
      data_classification: "client",
      materializations: [...materializations],
    });
    expect(await commit()).toBe("written");
    return artifact_id;
  };
  const move = async (id: ArtifactId, ...states: readonly Artifact["lifecycle_state"][]) => {
    for (const state of states) {
      // A reader that folds the same change first makes the commit conflict: then it is done again, as a step is.
      for (let outcome = "conflict"; outcome !== "written";) {
        const { scope, commit } = begin();
        await scope.move(id, state);
        outcome = await commit();
      }
    }
  };
  const giveUp = async (id: ArtifactId) => {
    const { scope, commit } = begin();
    await scope.giveUpBytes(id);
    expect(await commit()).toBe("written");
  };
  const announce = (sizeBytes: number, tenantId: TenantId = ACME) =>
    uploads.open({ tenantId, userId: undefined, filename: "a.txt", contentType: "text/plain", sizeBytes });
  return {
    clock,
    objects,
    surface,
    use,
    quota,
    begin,
    register,
    move,
    giveUp,
    announce,
    bytes: async () => (await use()).bytes,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function holding(sizeBytes: number, path = `artifacts/${testIds.file()}`): Materialization {
  return {
    materialization_id: testIds.materialization(),
    storage_type: "files",
    path,
    uri: `file:///${path}`,
    format: "txt",
    content_type: "text/plain",
    sha256: "0".repeat(64),
    size_bytes: sizeBytes,
    created_at: "2026-01-01T00:00:00.000Z",
  };
}

describe("what a tenant has stored", () => {
  it("is what its artifacts hold, from the commit that says so to the one that gives it up (B1)", async () => {
    await using on = await open();
    const id = await on.register();
    expect(await on.bytes()).toBe(0);
    const { scope, commit } = on.begin();
    await scope.amend(id, { materializations: [holding(100), holding(20, "twice"), holding(20, "twice")] });
    expect(await on.bytes()).toBe(0);
    await commit();
    expect(await on.bytes()).toBe(120);
    await on.register([holding(7)]);
    await on.register([holding(1_000)], GLOBEX);
    expect([await on.bytes(), (await on.use(GLOBEX)).bytes]).toEqual([127, 1_000]);
    await on.move(id, "READY", "ARCHIVED", "READY", "ARCHIVED");
    expect(await on.bytes()).toBe(127);
    await on.move(id, "DELETED");
    expect(await on.bytes()).toBe(127);
    await on.giveUp(id);
    expect(await on.bytes()).toBe(7);
  });

  it("is given back by the erasure of the subject whose it is, from whatever state, some at a time (B1)", async () => {
    await using on = await open();
    const ways = [[], ["READY"], ["READY", "ARCHIVED"], ["READY", "ARCHIVED", "DELETED"]] as const;
    for (const way of [...ways, ...Array.from({ length: 97 }, () => [] as const)]) {
      const id = await on.register([holding(5)]);
      await on.move(id, ...way);
      const { unit, commit } = on.begin();
      const artifact = await unit.get(artifactKind, id);
      if (artifact !== undefined) unit.put(artifactKind, id, { ...artifact, subject_id: "s1" });
      await commit();
    }
    await on.register([holding(7)]);
    const erase = async () => {
      const { unit, commit } = on.begin();
      const { more } = await giveUpSubjectBytes(unit, "s1", on.clock.now());
      await commit();
      return [more, await on.bytes()];
    };
    expect([await on.bytes(), await erase(), await erase(), await erase()]).toEqual([
      512,
      [true, 12],
      [false, 7],
      [false, 7],
    ]);
  });

  it("is given back by the commit that fails an artifact, whatever it held (B1)", async () => {
    await using on = await open();
    const [pending, archived] = [await on.register([holding(5)]), await on.register([holding(6)])];
    await on.move(archived, "READY", "ARCHIVED");
    const { scope } = on.begin();
    await scope.move(pending, "FAILED");
    expect(await on.bytes()).toBe(11);
    await on.move(pending, "FAILED");
    expect(await on.bytes()).toBe(6);
    await on.move(archived, "FAILED");
    expect(await on.bytes()).toBe(0);
    const { items } = await on.surface.list(ACME, artifactKind, ALL, { limit: 9 });
    expect(items.map(({ value }) => value.materializations)).toEqual([[], []]);
  });

  it("counts one of two commits that change the same artifact (B1)", async () => {
    await using on = await open();
    const id = await on.register();
    const [one, other] = [on.begin(), on.begin()];
    await one.scope.amend(id, { materializations: [holding(1)] });
    await other.scope.amend(id, { materializations: [holding(10)] });
    expect([await one.commit(), await other.commit()]).toEqual(["written", "conflict"]);
    expect(await on.bytes()).toBe(1);
  });

  it("is what the records say, whatever was done, and whatever never was committed (B1, B2)", async () => {
    const action = fc.record({
      what: fc.constantFrom("register", "amend", "delete", "purge", "fail", "read"),
      which: fc.nat(),
      bytes: fc.nat({ max: 1_000 }),
      crashes: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        await using on = await open();
        const ids: ArtifactId[] = [];
        for (const { what, which, bytes, crashes } of actions) {
          const { scope, commit } = on.begin();
          const id = ids[which % Math.max(1, ids.length)];
          if (what === "read") await on.use();
          else if (what === "register") ids.push(await on.register([holding(bytes)]));
          else if (id !== undefined) {
            const change =
              what === "amend"
                ? scope.amend(id, { materializations: [holding(bytes)] })
                : what === "purge"
                  ? scope.giveUpBytes(id)
                  : scope.move(id, what === "delete" ? "DELETED" : "FAILED");
            // A move that the life cycle does not have changes nothing.
            if (await change.then(Boolean, () => false)) if (!crashes) await commit();
          }
        }
        const stored = await on.surface.list(ACME, artifactKind, ALL, { limit: 1_000 });
        expect(await on.bytes()).toBe(stored.items.reduce((sum, { value }) => sum + storedBytesOf(value), 0));
      }),
      { numRuns: 15 },
    );
  });

  it("is folded into one sum as it grows, by many readers at once, while it is written to (B2, B4)", async () => {
    await using on = await open();
    const ids: ArtifactId[] = [];
    for (let n = 0; n < 350; n += 1) ids.push(await on.register([holding(3)]));
    const readings = Array.from({ length: 8 }, () => on.bytes());
    for (const id of ids.slice(0, 20)) await on.move(id, "FAILED");
    for (const bytes of await Promise.all(readings)) expect(bytes).toBeGreaterThanOrEqual(990);
    expect(await on.bytes()).toBe(990);
    const left = await on.surface.list(ACME, storedBytesChange, ALL, { limit: 1_000 });
    expect(left.items.length).toBeLessThanOrEqual(100);
  });
});

describe("an upload", () => {
  const put = async (on: Awaited<ReturnType<typeof open>>, path: string, text: string) => {
    const leave = { path, contentType: "text/plain", sizeBytes: text.length, expiresMs: Date.now() + 60_000 };
    const { url } = await on.objects.signUpload(leave);
    const body = {
      contentType: "text/plain",
      sizeBytes: text.length,
      source: ReadableStream.from([Buffer.from(text)]),
    };
    await on.objects.served?.put(new URL(url, "http://127.0.0.1"), body);
  };

  it("counts as announced until it is an artifact's, and then as that, in one commit (B3)", async () => {
    await using on = await open();
    const { upload } = await on.announce(5);
    expect(await on.use()).toEqual({ bytes: 5, uploads: 1 });
    await put(on, uploadPath(upload), "bytes");
    const { unit, scope, commit } = on.begin();
    const file = { artifact_id: testIds.file(), artifact_type: "file" };
    const kept = await scope.adopt(file, FORM, upload);
    await takeUpload(unit, upload.upload_id, { executionId: "execution_1", artifactId: file.artifact_id });
    await scope.register({
      ...file,
      semantic_descriptor: { schema: "bytes" },
      data_classification: "client",
      materializations: [kept],
    });
    expect(await on.use()).toEqual({ bytes: 5, uploads: 1 });
    await commit();
    expect(await on.use()).toEqual({ bytes: 5, uploads: 0 });
  });

  it("that never came no longer counts when its time is over; one that came does, until it is cleared away (B3)", async () => {
    await using on = await open();
    await on.announce(100);
    const { upload } = await on.announce(5);
    await put(on, uploadPath(upload), "bytes");
    expect(await on.bytes()).toBe(105);
    await on.clock.advance(durationMs("3h"));
    expect(await on.use()).toEqual({ bytes: 5, uploads: 1 });
    await on.clock.advance(durationMs("8d"));
    expect(await on.use()).toEqual({ bytes: 5, uploads: 1 });
    await on.objects.delete(uploadPath(upload));
    expect(await on.use()).toEqual({ bytes: 0, uploads: 0 });
  });
});

describe("the quota of stored bytes", () => {
  const refusal = (figures: object) => ({
    code: "policy.storage_exceeded",
    status: 429,
    retryable: false,
    details: figures,
  });
  async function* chunks(...texts: readonly string[]): AsyncIterable<Uint8Array> {
    for (const text of texts) yield await Promise.resolve(Buffer.from(text));
  }

  it("breaks off what is more than there is room for, and keeps nothing of it", async () => {
    await using on = await open(10);
    await on.register([holding(4)]);
    const file = { artifact_id: testIds.file(), artifact_type: "file" };
    const { scope } = on.begin();
    expect(await scope.keep(file, FORM, chunks("123", "456"))).toMatchObject({ size_bytes: 6 });
    await expect(scope.keep(file, FORM, chunks("123", "4567"))).rejects.toMatchObject(
      refusal({ policy: "stored_bytes", limit: 10, stored_bytes: 4, needed_bytes: 7 }),
    );
    const sha256 = "8bb0cf6eb9b17d0f7d22b456f121257dc1254e1f01665370476383ea776df414";
    expect(await on.objects.size(`artifacts/acme/file/${file.artifact_id}/${sha256}.txt`)).toBeUndefined();
    await on.register([holding(6)]);
    await expect(scope.keep(file, FORM, chunks("1"))).rejects.toMatchObject({ code: "policy.storage_exceeded" });
  });

  it("refuses an upload before any of its bytes are sent, lets others in, and lets in again what was given up", async () => {
    await using on = await open(10);
    const id = await on.register([holding(4)]);
    await on.announce(3);
    await expect(on.announce(4)).rejects.toMatchObject(
      refusal({ policy: "stored_bytes", limit: 10, stored_bytes: 7, needed_bytes: 4 }),
    );
    await on.announce(4_000, GLOBEX);
    await on.move(id, "READY", "ARCHIVED", "DELETED");
    await expect(on.announce(4)).rejects.toMatchObject({ code: "policy.storage_exceeded" });
    await on.giveUp(id);
    await on.announce(4);
  });

  it("is asked for nothing where there is none", async () => {
    const quota = createStorageQuota({
      use: () => Promise.reject(new Error("the store was asked")),
      limitOf: () => undefined,
    });
    await quota.expectRoom(ACME, 1e15);
    await quota.expectRoomForUpload(ACME, 1e15);
    const source = chunks("1");
    expect(await quota.within(ACME, source)).toBe(source);
  });
});
