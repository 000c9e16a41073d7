import * as z from "zod";

import type { TenantId } from "../ids.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { oneChunk } from "../one-chunk.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { sealedSchema, type Subjects } from "./subjects.ts";

/** A payload above this many bytes of JSON rests in the object store and travels by reference. */
export const CLAIM_CHECK_BYTES = 128 * 1024;

/** A number takes up to 25 bytes of JSON, a character up to 6: so many of both are always below the limit. */
const GLANCE = 4_096;

const referenceSchema = z.strictObject({
  $claim_check: z.strictObject({ path: z.string(), sha256: z.string(), size_bytes: z.int() }),
});

/** Keeps large payloads out of commits, without the author's doing anything (the claim-check pattern). */
export interface ClaimCheck {
  /** The value itself, or a reference to it once its bytes are safely in the object store. */
  park<Value extends JsonValue>(tenantId: TenantId, value: Value): Promise<Value | JsonObject>;
  /** The value behind what `park` gave. Throws `object.damaged` when the bytes are not those that were parked. */
  redeem(tenantId: TenantId, parked: JsonValue): Promise<JsonValue>;
  /** The same for what a subject's execution keeps: all of it is sealed. Without a subject, this one itself. */
  of(subjectId: string | undefined): ClaimCheck;
  /** Where the bytes of something parked lie, as an absolute URI; undefined when it lies nowhere else. */
  uriOf(parked: JsonValue): string | undefined;
  /** How many bytes lie elsewhere; undefined when it lies nowhere else. */
  bytesOf(parked: JsonValue): number | undefined;
}

export function createClaimCheck(objects: ObjectStore, subjects: Subjects): ClaimCheck {
  const plain: ClaimCheck = {
    of: (subjectId) => (subjectId === undefined ? plain : sealing(plain, subjects, subjectId)),
    uriOf: (parked) => {
      const path = referenceIn(parked)?.path;
      return path === undefined ? undefined : objects.uri(path);
    },
    bytesOf: (parked) => referenceIn(parked)?.size_bytes,
    park: async (tenantId, value) => {
      if (isSmall(value)) return value;
      const text = JSON.stringify(value);
      // An author's value that looks like a reference is parked too: what `redeem` opens is then always one of ours.
      const lookalike = referenceSchema.safeParse(value).success || sealedSchema.safeParse(value).success;
      if (text.length * 3 <= CLAIM_CHECK_BYTES && !lookalike) return value;
      const bytes = Buffer.from(text);
      if (bytes.length <= CLAIM_CHECK_BYTES && !lookalike) return value;
      const target = { directory: `payloads/${tenantId}`, extension: "json", contentType: "application/json" };
      const written = await objects.write(target, oneChunk(bytes));
      return { $claim_check: { path: written.path, sha256: written.sha256, size_bytes: written.sizeBytes } };
    },
    redeem: async (tenantId, parked) => {
      if (!mayBeReference(parked)) return parked;
      const sealed = sealedSchema.safeParse(parked).data?.$sealed;
      if (sealed !== undefined) {
        const box = await subjects.open(tenantId, sealed.subject_id);
        const data = await plain.redeem(tenantId, sealed.data as JsonValue);
        return typeof data === "string" ? box.open(data) : parked;
      }
      const reference = referenceSchema.safeParse(parked);
      if (!reference.success) return parked;
      const { path, sha256 } = reference.data.$claim_check;
      // An author's own data may look like a reference; it must never open another tenant's bytes.
      if (path !== `payloads/${tenantId}/${sha256}.json`) return parked;
      // The name tells the digest, and the store checks the bytes against it.
      const bytes = Buffer.concat(await Array.fromAsync(await objects.read(path)));
      return JSON.parse(bytes.toString()) as JsonValue;
    },
  };
  return plain;
}

function sealing(plain: ClaimCheck, subjects: Subjects, subjectId: string): ClaimCheck {
  return {
    ...plain,
    park: async (tenantId, value) => {
      const box = await subjects.open(tenantId, subjectId);
      const data = await plain.park(tenantId, box.seal(value));
      return { $sealed: { subject_id: subjectId, key_id: box.keyId, data } };
    },
  };
}

/** What most values are, at a glance: no reference, and far below the limit however their text is encoded. */
function isSmall(value: JsonValue): boolean {
  return !mayBeReference(value) && weigh(value, GLANCE) > 0;
}

/** What points elsewhere, itself or within what is sealed. */
function referenceIn(parked: JsonValue): z.infer<typeof referenceSchema>["$claim_check"] | undefined {
  if (!mayBeReference(parked)) return undefined;
  const inside = sealedSchema.safeParse(parked).data?.$sealed.data ?? parked;
  return referenceSchema.safeParse(inside).data?.$claim_check;
}

function mayBeReference(value: JsonValue): boolean {
  return typeof value === "object" && value !== null && ("$claim_check" in value || "$sealed" in value);
}

/** What is left of a budget of characters and members; a value too heavy for it is not walked to its end. */
function weigh(value: JsonValue | undefined, budget: number): number {
  if (typeof value === "string") return budget - value.length;
  if (typeof value !== "object" || value === null) return budget - 1;
  let left = budget - 1;
  for (const [name, member] of Object.entries(value) as [string, JsonValue | undefined][]) {
    left = weigh(member, left - name.length);
    if (left <= 0) return 0;
  }
  return left;
}
