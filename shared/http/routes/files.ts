import * as z from "zod";

import { MEDIA_TYPE } from "../../artifacts/media-type.ts";
import { MAX_UPLOAD_BYTES } from "../../artifacts/upload.ts";
import type { RuntimeServices } from "../../services.ts";
import { addEndpoint } from "../endpoint.ts";
import type { Router } from "../router.ts";
import { tenantId } from "../wire.ts";

/** Large files on their way in. */
export function addFileRoutes(router: Router, { uploads, adapters }: RuntimeServices): void {
  addEndpoint(
    router,
    adapters.tokens,
    {
      method: "post",
      path: "/files/upload-url",
      role: "submitter",
      tag: "files",
      summary: "Get a signed URL to upload a file",
      description:
        "Send the file there with `method` and all of `headers`, without a token; then submit `content.ingest_file` with " +
        "the `upload_id`. The URL takes one file of exactly this size and type.",
      body: z.strictObject({
        tenant_id: tenantId,
        filename: z.string().min(1).max(255),
        content_type: z.string().max(255).regex(MEDIA_TYPE, "must be a media type such as text/csv"),
        size_bytes: z.int().min(1).max(MAX_UPLOAD_BYTES),
      }),
      answers: {
        201: {
          description: "leave to upload",
          schema: z.object({
            upload_id: z.string(),
            upload_url: z.string(),
            method: z.literal("PUT"),
            headers: z.record(z.string(), z.string()),
            expires_at: z.string(),
          }),
        },
      },
    },
    async ({ body, tenantId: tenant, userId, request }) => {
      const { upload, request: leave } = await uploads.open({
        tenantId: tenant,
        userId,
        filename: body.filename,
        contentType: body.content_type,
        sizeBytes: body.size_bytes,
      });
      return {
        status: 201,
        json: {
          upload_id: upload.upload_id,
          upload_url: new URL(leave.url, request.origin()).href,
          method: leave.method,
          headers: leave.headers,
          expires_at: upload.expires_at,
        },
      };
    },
  );
}
