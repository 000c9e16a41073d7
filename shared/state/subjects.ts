import * as z from "zod";

import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import type { DataKeys } from "../ports/data-keys.ts";
import type { SubjectKey, SubjectKeys } from "../ports/record-store.ts";
import type { Random } from "../random.ts";
import type { SubjectBox } from "./subject-box.ts";

/** An id that the caller gives a person. It rests unencrypted: a pseudonym, and never a name or an address. */
export const subjectIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, "must have 1 to 128 letters, digits, or . _ : -, and be no personal data itself")
  .describe("whose data it is: it is encrypted under a key of the subject, which steward.erase_subject deletes");

/** What stands where a subject's data is. */
export const sealedSchema = z.strictObject({
  $sealed: z.strictObject({
    subject_id: z.string(),
    key_id: z.string(),
    /** Base64, or a claim check of it. */
    data: z.union([z.string(), z.strictObject({ $claim_check: z.unknown() })]),
  }),
});

/** The subjects of all tenants, and what seals their data. A box is asked for anew for each piece of work and never kept: its key is a copy. */
export interface Subjects {
  /** Throws `subject.erased` (410), `subject.not_found` (404), `subject.not_configured` (501). */
  open(tenantId: TenantId, subjectId: string): Promise<SubjectBox>;
  /** The same; a subject that is new gets its key. */
  enrol(tenantId: TenantId, subjectId: string): Promise<SubjectBox>;
}

export interface SubjectsDeps {
  readonly keys: SubjectKeys;
  readonly dataKeys: DataKeys | undefined;
  readonly random: Random;
  readonly nowMs: () => number;
}

export function createSubjects({ keys, dataKeys, random, nowMs }: SubjectsDeps): Subjects {
  const boxOf = async (tenantId: TenantId, subjectId: string, kept: SubjectKey): Promise<SubjectBox> => {
    if (kept.state === "erased") throw erased(subjectId, kept);
    if (dataKeys === undefined) throw notConfigured();
    // Loaded with the first subject: most processes never seal anything.
    const { createSubjectBox } = await import("./subject-box.ts");
    const key = await dataKeys.unwrap(kept.wrappedKey, contextOf(tenantId, subjectId));
    return createSubjectBox({ subjectId, keyId: kept.keyId, key }, () => random.uuid());
  };
  return {
    open: async (tenantId, subjectId) => {
      const kept = await keys.get(tenantId, subjectId);
      if (kept === undefined) {
        throw new RuntimeError("subject.not_found", `There is no subject ${subjectId}.`, { status: 404 });
      }
      return boxOf(tenantId, subjectId, kept);
    },
    enrol: async (tenantId, subjectId) => {
      if (dataKeys === undefined) throw notConfigured();
      const kept = await keys.get(tenantId, subjectId);
      if (kept !== undefined) return boxOf(tenantId, subjectId, kept);
      const { wrappedKey } = await dataKeys.generate(contextOf(tenantId, subjectId));
      const fresh = { state: "active", subjectId, keyId: random.uuid(), wrappedKey, createdMs: nowMs() } as const;
      return boxOf(tenantId, subjectId, await keys.add(tenantId, fresh));
    },
  };
}

/** A sealed value as it stands in a record or an event. */
export function sealedIn(box: SubjectBox, value: JsonValue): JsonObject {
  return { $sealed: { subject_id: box.subjectId, key_id: box.keyId, data: box.seal(value) } };
}

/** What `sealedIn` gave, opened; anything else as it is. */
export function openedBy(box: SubjectBox, value: JsonValue): JsonValue {
  const { data } = sealedSchema.safeParse(value).data?.$sealed ?? {};
  return typeof data === "string" ? box.open(data) : value;
}

export function isErased(error: unknown): error is RuntimeError {
  return error instanceof RuntimeError && error.code === "subject.erased";
}

function erased(subjectId: string, { keyId }: SubjectKey): RuntimeError {
  return new RuntimeError("subject.erased", `The subject ${subjectId} was erased: its data cannot be read any more.`, {
    status: 410,
    details: { subject_id: subjectId, key_id: keyId },
  });
}

function notConfigured(): RuntimeError {
  const message = "This runtime has no SUBJECT_MASTER_KEY, so it takes no data of subjects.";
  return new RuntimeError("subject.not_configured", message, { status: 501 });
}

/** What a subject's key is bound to: wrapped for one, it opens nothing of another. */
export function contextOf(tenantId: TenantId, subjectId: string): string {
  return JSON.stringify([tenantId, subjectId]);
}
