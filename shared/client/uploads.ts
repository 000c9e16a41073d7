import { fetchSigned } from "./artifacts.ts";
import type { CallOptions, Transport } from "./transport.ts";
import type { UploadTicket } from "./wire-types.ts";

export interface UploadOptions extends CallOptions {
  /** Needed for a Blob; a File brings its own. */
  readonly filename?: string | undefined;
  /** Default: the Blob's own type, or application/octet-stream. */
  readonly contentType?: string | undefined;
}

/**
 * Sends a file straight to the object store, by a signed URL; its `upload_id` is then an input of `content.ingest_file`.
 * A broken upload is not resumed: upload again.
 */
export async function uploadFile(
  transport: Transport,
  tenantId: string,
  file: Blob,
  { filename = nameOf(file), contentType = file.type, signal }: UploadOptions,
): Promise<string> {
  const ticket = await transport.json<UploadTicket>({
    method: "POST",
    path: "/files/upload-url",
    body: {
      tenant_id: tenantId,
      filename,
      content_type: contentType === "" ? "application/octet-stream" : contentType,
      size_bytes: file.size,
    },
    signal,
    // A ticket that nobody uses costs nothing and lapses.
    repeatable: true,
  });
  await fetchSigned(transport, ticket.upload_url, {
    method: ticket.method,
    headers: ticket.headers,
    body: file,
    ...(signal === undefined ? {} : { signal }),
  });
  return ticket.upload_id;
}

function nameOf(file: Blob): string {
  return "name" in file && typeof file.name === "string" ? file.name : "upload.bin";
}
