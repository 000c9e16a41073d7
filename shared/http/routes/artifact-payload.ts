import type { Artifact, Materialization } from "../../artifacts/artifact.ts";
import { RuntimeError } from "../../errors.ts";
import type { TenantId } from "../../ids.ts";
import type { RuntimeServices } from "../../services.ts";

/** The largest payload that an answer carries inside its JSON. */
const MAX_INLINE_BYTES = 1024 * 1024;

export interface InlinePayload {
  readonly payload?: unknown;
  readonly payload_encoding?: "json" | "jsonl" | "text" | "base64";
  readonly payload_url?: string;
}

/** Reads artifacts' bytes for answers. */
export function createPayloadReader({ artifactBytes }: RuntimeServices) {
  return {
    payload: async (tenantId: TenantId, artifact: Artifact): Promise<InlinePayload> => {
      const [materialization] = artifact.materializations;
      if (materialization === undefined) return {};
      if (materialization.size_bytes > MAX_INLINE_BYTES) {
        return { payload_url: `/artifacts/${artifact.artifact_id}/payload?tenant_id=${encodeURIComponent(tenantId)}` };
      }
      const bytes = Buffer.concat(await Array.fromAsync(await artifactBytes.read(materialization)));
      return inline(materialization, bytes);
    },

    stream: async (artifact: Artifact, materialization: Materialization | undefined): Promise<Response> => {
      if (materialization === undefined) {
        throw new RuntimeError("artifact.no_bytes", `The artifact ${artifact.artifact_id} has no bytes.`, {
          status: 404,
        });
      }
      const body = ReadableStream.from(await artifactBytes.read(materialization));
      return new Response(body, {
        headers: {
          "content-type": materialization.content_type,
          "content-length": String(materialization.size_bytes),
          etag: `"${materialization.sha256}"`,
          // A tenant's upload must never run as a page of this origin.
          "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
          "x-content-type-options": "nosniff",
        },
      });
    },
  };
}

function inline({ format }: Materialization, bytes: Buffer): InlinePayload {
  const text = utf8(bytes);
  if (text === undefined) return { payload: bytes.toString("base64"), payload_encoding: "base64" };
  if (format === "json" || format === "jsonl") {
    try {
      const payload: unknown =
        format === "json"
          ? JSON.parse(text)
          : text
              .split("\n")
              .filter((line) => line !== "")
              .map((line) => JSON.parse(line) as unknown);
      return { payload, payload_encoding: format };
    } catch {
      // A tenant's file that only claims to be JSON is shown as the text that it is.
    }
  }
  return { payload: text, payload_encoding: "text" };
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
