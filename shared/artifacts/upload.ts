import * as z from "zod";

import { notFound, RuntimeError } from "../errors.ts";
import type { RecordKind } from "../state/record-kind.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";

/** The largest file that can be uploaded, in bytes. */
export const MAX_UPLOAD_BYTES: number = 5 * 1024 ** 3;

/** Leave to send one file to the object store, and what became of it. */
export const uploadSchema = z.object({
  upload_id: z.string(),
  tenant_id: z.string(),
  user_id: z.string().optional(),
  filename: z.string(),
  content_type: z.string(),
  size_bytes: z.int().positive(),
  created_at: z.string(),
  /** Until when the bytes can be sent. */
  expires_at: z.string(),
  /** The file that it became; an upload becomes one file. */
  taken: z.object({ execution_id: z.string(), artifact_id: z.string() }).optional(),
  /** What had come when its time was over, where that was looked up. */
  rest: z.enum(["nothing", "bytes"]).optional(),
});
export type Upload = z.infer<typeof uploadSchema>;

/** The listing of the uploads that may lie in the object store, and are no artifact's. */
export const WAITING = "waiting";

export const uploadKind: RecordKind<Upload> = {
  name: "upload",
  schema: uploadSchema,
  facets: ({ taken, rest }) => (taken === undefined && rest !== "nothing" ? [WAITING] : []),
};

/** Where an upload's bytes wait to be taken in. */
export function uploadPath(upload: Pick<Upload, "tenant_id" | "upload_id">): string {
  return `uploads/${upload.tenant_id}/${upload.upload_id}`;
}

/** Who takes an upload: an artifact in an execution. */
export interface Taker {
  readonly executionId: string;
  /** Absent before it is chosen. */
  readonly artifactId?: string;
}

/** The tenant's upload. Throws `upload.not_found`, or `upload.already_taken` (409) when it became another file. */
export async function findUpload(
  unit: UnitOfWork,
  uploadId: string,
  { executionId, artifactId }: Taker,
): Promise<Upload> {
  const upload = await unit.get(uploadKind, uploadId);
  if (upload === undefined) throw notFound("upload", uploadId);
  const { taken } = upload;
  const isOurs = taken?.execution_id === executionId && (artifactId === undefined || taken.artifact_id === artifactId);
  if (taken !== undefined && !isOurs) {
    throw new RuntimeError("upload.already_taken", `The upload ${uploadId} is a file already.`, {
      status: 409,
      details: { file_id: taken.artifact_id },
    });
  }
  return upload;
}

/** Records what an upload became: of two files that want it, the one whose commit comes first has it. */
export async function takeUpload(unit: UnitOfWork, uploadId: string, taker: Required<Taker>): Promise<Upload> {
  const upload = await findUpload(unit, uploadId, taker);
  const taken = { execution_id: taker.executionId, artifact_id: taker.artifactId };
  unit.put(uploadKind, uploadId, { ...upload, taken });
  return upload;
}
