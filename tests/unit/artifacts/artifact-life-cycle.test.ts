import { describe, expect, it } from "vitest";

import { createFileObjectStore } from "../../../infra/adapters/files/object-store.ts";
import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import {
  artifactFacet,
  artifactKind,
  eligibleFacet,
  LIFECYCLE_STATES,
  type LifecycleState,
} from "../../../shared/artifacts/artifact.ts";
import { createArtifactBytes } from "../../../shared/artifacts/artifact-bytes.ts";
import { materializationFor } from "../../../shared/artifacts/materialization-policy.ts";
import { createArtifactScope } from "../../../shared/artifacts/artifact-scope.ts";
import { createStorageQuota } from "../../../shared/artifacts/storage-quota.ts";
import { type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { UnitOfWork } from "../../../shared/state/unit-of-work.ts";
import { testIds } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";
import { createManualClock } from "../manual-clock.ts";

const decideByDefault = (artifactType: string) => Promise.resolve(materializationFor(artifactType));

const ACME = trustedTenantId("acme");

/** Which moves SPEC section 7 allows. */
const ALLOWED: Readonly<Record<LifecycleState, readonly LifecycleState[]>> = {
  PENDING: ["READY", "FAILED"],
  READY: ["ARCHIVED", "FAILED"],
  ARCHIVED: ["READY", "DELETED", "FAILED"],
  FAILED: [],
  DELETED: [],
};
/** How to bring a new artifact into each state. */
const WAY: Readonly<Record<LifecycleState, readonly LifecycleState[]>> = {
  PENDING: [],
  READY: ["READY"],
  ARCHIVED: ["READY", "ARCHIVED"],
  FAILED: ["FAILED"],
  DELETED: ["READY", "ARCHIVED", "DELETED"],
};
const moves = LIFECYCLE_STATES.flatMap((from) => LIFECYCLE_STATES.map((to) => ({ from, to })));

async function open() {
  const folder = await temporaryFolder();
  const store = createSqliteStore(":memory:");
  const surface = createStateSurface(store);
  const clock = createManualClock();
  const objects = createFileObjectStore(folder.path);
  const quota = createStorageQuota({ use: () => Promise.reject(new Error("nobody asks")), limitOf: () => undefined });
  const bytes = createArtifactBytes({ objects, clock, ids: testIds, quota });
  const begin = (tenantId: TenantId = ACME) => {
    const unit = new UnitOfWork(surface, tenantId, clock.now());
    const producer = { intentType: "test.intent", executionId: testIds.execution() };
    const scope = createArtifactScope({ unit, bytes, producer, nowMs: () => clock.now(), decide: decideByDefault });
    const commit = () => store.write(tenantId, { records: unit.records, log: [], outbox: [], mail: [] });
    return { unit, scope, commit };
  };
  const made = async () => {
    const { scope, commit } = begin();
    const artifact = await scope.register(draft());
    await commit();
    return artifact.artifact_id;
  };
  return {
    surface,
    clock,
    begin,
    made,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function draft(artifact_type = "file") {
  return {
    artifact_id: testIds.file(),
    artifact_type,
    semantic_descriptor: { schema: "bytes" },
    data_classification: "client",
  } as const;
}

describe("the life cycle of an artifact", () => {
  it("begins PENDING, with its producer, and says so in the log", async () => {
    await using on = await open();
    const { scope, unit } = on.begin();
    const artifact = await scope.register(draft());
    expect(artifact).toMatchObject({
      lifecycle_state: "PENDING",
      tenant_id: "acme",
      produced_by: { intent: "test.intent" },
      parent_artifacts: [],
      materializations: [],
      created_at: "2026-01-01T00:00:00.000Z",
    });
    expect(unit.drafts).toMatchObject([
      { event_type: "artifact_registered", payload: { artifact_id: artifact.artifact_id, lifecycle_state: "PENDING" } },
    ]);
  });

  it.each(moves.filter(({ from, to }) => ALLOWED[from].includes(to)))(
    "goes from $from to $to",
    async ({ from, to }) => {
      await using on = await open();
      const id = await on.made();
      const { scope, unit, commit } = on.begin();
      for (const step of WAY[from]) await scope.move(id, step);
      await on.clock.advance(1_000);
      expect(await scope.move(id, to)).toMatchObject({ lifecycle_state: to, updated_at: "2026-01-01T00:00:01.000Z" });
      expect(unit.drafts.at(-1)).toMatchObject({ event_type: "artifact_lifecycle_changed", payload: { from, to } });
      await commit();
      expect((await on.surface.get(ACME, artifactKind, id))?.value.lifecycle_state).toBe(to);
    },
  );

  it.each(moves.filter(({ from, to }) => !ALLOWED[from].includes(to)))(
    "does not go from $from to $to",
    async ({ from, to }) => {
      await using on = await open();
      const id = await on.made();
      const { scope, unit } = on.begin();
      for (const step of WAY[from]) await scope.move(id, step);
      const before = [await unit.get(artifactKind, id), unit.drafts.length];
      await expect(scope.move(id, to)).rejects.toMatchObject({
        code: "artifact.lifecycle",
        status: 409,
        details: { from, to },
      });
      expect([await unit.get(artifactKind, id), unit.drafts.length]).toEqual(before);
    },
  );

  it("keeps the reason of a failure, in the record and in the log", async () => {
    await using on = await open();
    const id = await on.made();
    const { scope, unit } = on.begin();
    const failure = { code: "parse.bad", message: "Line 3 has no end." };
    expect(await scope.move(id, "FAILED", { failure })).toMatchObject({ failure });
    expect(unit.drafts.at(-1)?.payload).toMatchObject({ failure });
  });

  it("is amended while PENDING only", async () => {
    await using on = await open();
    const id = await on.made();
    const { scope } = on.begin();
    expect(await scope.amend(id, { metadata: { ui_name: "x" } })).toMatchObject({ metadata: { ui_name: "x" } });
    await scope.move(id, "READY");
    await expect(scope.amend(id, { metadata: {} })).rejects.toMatchObject({ code: "artifact.lifecycle", status: 409 });
  });

  it("moves it between the listings of its state, its type, and the intents that can take it", async () => {
    await using on = await open();
    const id = await on.made();
    const totals = async (lifecycleState: LifecycleState) =>
      await Promise.all(
        [
          artifactFacet({ lifecycleState }),
          artifactFacet({ lifecycleState, artifactType: "file" }),
          artifactFacet({ lifecycleState, artifactType: "embeddings" }),
          eligibleFacet({ lifecycleState, eligibleFor: "parse_content" }),
          eligibleFacet({ lifecycleState, eligibleFor: "extract_embeddings" }),
        ].map(async (facet) => (await on.surface.list(ACME, artifactKind, facet, { limit: 9 })).total),
      );
    expect(await totals("PENDING")).toEqual([1, 1, 0, 1, 0]);
    const { scope, commit } = on.begin();
    await scope.move(id, "READY");
    await commit();
    expect(await totals("PENDING")).toEqual([0, 0, 0, 0, 0]);
    expect(await totals("READY")).toEqual([1, 1, 0, 1, 0]);
  });
});

describe("artifacts as a step sees them", () => {
  it("S7: one of another tenant, one of another type, and an absent one are not found", async () => {
    await using on = await open();
    const id = await on.made();
    const absent = { code: "artifact.not_found", status: 404 };
    const { scope } = on.begin(trustedTenantId("rival"));
    await expect(scope.get(id, "file")).rejects.toMatchObject(absent);
    await expect(scope.move(id, "DELETED")).rejects.toMatchObject(absent);
    await expect(scope.amend(id, {})).rejects.toMatchObject(absent);
    await expect(on.begin().scope.get(id, "parsed_content")).rejects.toMatchObject(absent);
    await expect(on.begin().scope.get(testIds.file(), "file")).rejects.toMatchObject(absent);
    expect(await on.begin().scope.get(id, "file")).toMatchObject({ artifact_id: id });
  });

  it("a type that the policy discards cannot be registered", async () => {
    await using on = await open();
    const { scope, unit } = on.begin();
    await expect(scope.register(draft("sketch"))).rejects.toMatchObject({ code: "artifact.discarded" });
    expect([unit.records, unit.drafts]).toEqual([[], []]);
  });

  it("bytes rest under tenant, type and artifact, and read back", async () => {
    await using on = await open();
    const { scope } = on.begin();
    const artifact = await scope.register(draft());
    const form = { format: "csv", contentType: "text/csv" };
    const kept = await scope.keep(artifact, form, bytesOf("a,b\n"));
    expect(kept).toMatchObject({
      storage_type: "files",
      size_bytes: 4,
      format: "csv",
      content_type: "text/csv",
    });
    expect(kept.path).toBe(`artifacts/acme/file/${artifact.artifact_id}/${kept.sha256}.csv`);
    expect(Buffer.concat(await Array.fromAsync(await scope.read(kept))).toString()).toBe("a,b\n");
  });

  it("a record that names other bytes than it points at is found out", async () => {
    await using on = await open();
    const { scope } = on.begin();
    const artifact = await scope.register(draft());
    const kept = await scope.keep(artifact, { format: "csv", contentType: "text/csv" }, bytesOf("a,b\n"));
    await expect(scope.read({ ...kept, sha256: "0".repeat(64) })).rejects.toMatchObject({ code: "artifact.damaged" });
  });
});

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}
