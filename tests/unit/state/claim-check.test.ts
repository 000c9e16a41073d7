import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createFileObjectStore } from "../../../infra/adapters/files/object-store.ts";
import { createDataKeys } from "../../../infra/adapters/master-key/data-keys.ts";
import { createSqliteRecordStore } from "../../../infra/adapters/sqlite/record-store.ts";
import { systemRandom } from "../../../infra/adapters/system/system.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { type JsonObject, toJson } from "../../../shared/json.ts";
import { createSubjects } from "../../../shared/state/subjects.ts";
import { CLAIM_CHECK_BYTES, createClaimCheck } from "../../../shared/state/claim-check.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

const ACME = trustedTenantId("acme");
const RIVAL = trustedTenantId("rival");

async function open() {
  const folder = await temporaryFolder();
  const objects = createFileObjectStore(folder.path);
  const records = createSqliteRecordStore(":memory:");
  const dataKeys = createDataKeys(new Uint8Array(32).fill(7));
  const subjects = createSubjects({ keys: records.subjectKeys, dataKeys, random: systemRandom, nowMs: () => 0 });
  return {
    ...createClaimCheck(objects, subjects),
    subjects,
    folder: folder.path,
    [Symbol.asyncDispose]: async () => {
      await records.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** An object whose JSON has exactly so many bytes. */
function sized(bytes: number, character = "x"): JsonObject {
  const empty = JSON.stringify({ text: "" }).length;
  return { text: character.repeat((bytes - empty) / Buffer.byteLength(character)) };
}

describe("the claim check", () => {
  it.each([
    ["of one byte a character", "x"],
    ["of two bytes a character", "ü"],
  ])("keeps 128 KB of JSON %s in place and parks one byte more", async (_, character) => {
    await using on = await open();
    const odd = character === "x" ? 0 : 1;
    const fits = { pad: odd === 1 ? "" : "x", ...sized(CLAIM_CHECK_BYTES - (odd === 1 ? 9 : 10), character) };
    const missing = CLAIM_CHECK_BYTES - Buffer.byteLength(JSON.stringify(fits));
    const exact = { ...fits, pad: `${fits.pad}${"x".repeat(missing)}` };
    expect(Buffer.byteLength(JSON.stringify(exact))).toBe(CLAIM_CHECK_BYTES);
    expect(await on.park(ACME, exact)).toBe(exact);
    const over = { ...exact, pad: `${exact.pad}x` };
    const parked = await on.park(ACME, over);
    expect(parked).toMatchObject({ $claim_check: { size_bytes: CLAIM_CHECK_BYTES + 1 } });
    expect(JSON.stringify(parked).length).toBeLessThan(400);
    expect(await on.redeem(ACME, parked)).toEqual(over);
  });

  it("gives back whatever was parked, small or large", async () => {
    await using on = await open();
    const values = fc.tuple(fc.jsonValue(), fc.constantFrom(0, 200_000));
    await fc.assert(
      fc.asyncProperty(values, async ([value, padding]) => {
        const given = toJson({ value, padding: "ü".repeat(padding) });
        expect(await on.redeem(ACME, await on.park(ACME, given))).toEqual(given);
      }),
      { numRuns: 30 },
    );
  });

  it("rests the bytes under the tenant that parked them", async () => {
    await using on = await open();
    await on.park(ACME, sized(CLAIM_CHECK_BYTES + 1));
    expect(await readdir(join(on.folder, "payloads"))).toEqual(["acme"]);
  });

  it("S7: another tenant's reference is not opened: it stays the data that it is", async () => {
    await using on = await open();
    const parked = await on.park(ACME, sized(CLAIM_CHECK_BYTES + 1));
    expect(await on.redeem(RIVAL, parked)).toBe(parked);
  });

  it.each(["../", "acme/../acme", "/", "artifacts/acme"])("S7: a reference to %j is not opened", async (prefix) => {
    await using on = await open();
    const parked = (await on.park(ACME, sized(CLAIM_CHECK_BYTES + 1))) as {
      $claim_check: { path: string; sha256: string; size_bytes: number };
    };
    const { sha256 } = parked.$claim_check;
    const forged = { $claim_check: { ...parked.$claim_check, path: `payloads/${prefix}/${sha256}.json` } };
    expect(await on.redeem(ACME, forged)).toBe(forged);
  });

  it("data that only resembles a reference is left alone", async () => {
    await using on = await open();
    const lookalikes = [
      { $claim_check: "x" },
      { $claim_check: { path: "p" } },
      { $claim_check: {}, more: 1 },
      null,
      "x",
    ];
    for (const value of lookalikes) expect(await on.redeem(ACME, value)).toBe(value);
  });

  it("throws for bytes that are not those that were parked", async () => {
    await using on = await open();
    const parked = await on.park(ACME, sized(CLAIM_CHECK_BYTES + 1));
    const { path } = parked["$claim_check"] as { path: string };
    const file = join(on.folder, path);
    const bytes = await readFile(file);
    await writeFile(file, Buffer.concat([bytes.subarray(0, -3), Buffer.from('y"}')]));
    await expect(on.redeem(ACME, parked)).rejects.toMatchObject({ code: "object.damaged" });
    await writeFile(file, bytes.subarray(0, 100));
    await expect(on.redeem(ACME, parked)).rejects.toMatchObject({ code: "object.damaged" });
  });

  it("gives back a small value that looks like a reference of its own tenant", async () => {
    await using on = await open();
    const sha256 = "0".repeat(64);
    const value = { $claim_check: { path: `payloads/acme/${sha256}.json`, sha256, size_bytes: 1 } };
    expect(await on.redeem(ACME, await on.park(ACME, value))).toEqual(value);
  });
});
