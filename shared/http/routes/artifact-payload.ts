import type { Artifact, Materialization } from "../../artifacts/artifact.ts";
import { readArtifact } from "../../artifacts/open-artifact.ts";
import { rfc3339 } from "../../clock.ts";
import { durationMs } from "../../duration.ts";
import { RuntimeError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { StoredTable } from "../../ports/table-engine.ts";
import type { RuntimeServices } from "../../services.ts";
import type { HttpAnswer } from "../http-answer.ts";
import type { HttpRequest } from "../http-request.ts";
import { parseJson } from "../json-body.ts";

/** The largest payload that an answer carries inside its JSON. */
const MAX_INLINE_BYTES = 1024 * 1024;
const CHUNK_CHARS = 64 * 1024;
/** Whoever holds a signed URL can read: long enough to begin a download, too short to be passed around. */
const URL_LIFETIME_MS = durationMs("15m");
/** A tenant's upload must never run as a page of this origin. */
export const SANDBOX_HEADERS = {
  "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
  "x-content-type-options": "nosniff",
} as const;

export interface InlinePayload {
  readonly payload?: unknown;
  readonly payload_encoding?: "json" | "jsonl" | "text" | "base64";
  readonly payload_url?: string;
  readonly payload_url_expires_at?: string;
}

/** Reads artifacts' bytes for answers. */
export function createPayloadReader(services: RuntimeServices) {
  const { adapters } = services;
  const { objects, clock, tables } = adapters;

  const signed = async (
    artifact: Artifact,
    materialization: Materialization,
    request: HttpRequest,
  ): Promise<InlinePayload> => {
    if (artifact.subject_id !== undefined) return { payload_url: new URL(routeOf(artifact), request.origin()).href };
    const { path, content_type: contentType } = materialization;
    const expiresMs = clock.now() + URL_LIFETIME_MS;
    const filename = nameOf(artifact, materialization);
    const url = await objects.signDownload({ path, contentType, filename, expiresMs });
    return { payload_url: new URL(url, request.origin()).href, payload_url_expires_at: rfc3339(expiresMs) };
  };

  return {
    /** Inline, or as a signed URL; one that leads to this server begins with the request's origin. */
    payload: async (artifact: Artifact, request: HttpRequest): Promise<InlinePayload> => {
      const [materialization] = artifact.materializations;
      if (materialization === undefined) return {};
      if (materialization.size_bytes > MAX_INLINE_BYTES) return signed(artifact, materialization, request);
      const table = tableOf(artifact, materialization);
      if (table !== undefined) {
        const rows = await inlineRows(tables.rows(table));
        return rows === undefined
          ? signed(artifact, materialization, request)
          : { payload: rows, payload_encoding: "jsonl" };
      }
      const bytes = Buffer.concat(await Array.fromAsync(await readArtifact(services, artifact, materialization)));
      return inline(materialization, bytes);
    },

    stream: async (artifact: Artifact, materialization: Materialization | undefined): Promise<HttpAnswer> => {
      if (materialization === undefined) {
        throw new RuntimeError("artifact.no_bytes", `The artifact ${artifact.artifact_id} has no bytes.`, {
          status: 404,
        });
      }
      const table = tableOf(artifact, materialization);
      if (table !== undefined) {
        const headers = { "content-type": "application/x-ndjson", ...SANDBOX_HEADERS };
        return { status: 200, headers, body: jsonLines(tables.rows(table)) };
      }
      return {
        status: 200,
        headers: {
          "content-type": materialization.content_type,
          // Of what is sealed the sizes differ.
          ...(artifact.subject_id === undefined ? { "content-length": String(materialization.size_bytes) } : {}),
          etag: `"${materialization.sha256}"`,
          ...SANDBOX_HEADERS,
        },
        body: await readArtifact(services, artifact, materialization),
      };
    },
  };
}

/** The store would give out a subject's bytes encrypted: they go through here, for a caller with a token. */
function routeOf({ artifact_id, tenant_id }: Artifact): string {
  return `/artifacts/${artifact_id}/payload?tenant_id=${encodeURIComponent(tenant_id)}`;
}

/** Rows that rest as Parquet are read as rows; the file itself is behind the signed URL. */
function tableOf(
  { artifact_type, subject_id }: Artifact,
  { format, path, size_bytes: sizeBytes }: Materialization,
): StoredTable | undefined {
  // A tenant's own Parquet file is the file that it is; so is a subject's, which the engine of tables cannot read.
  return subject_id === undefined && artifact_type === "parsed_content" && format === "parquet"
    ? { path, sizeBytes, format }
    : undefined;
}

/** The rows, unless they are too many. */
async function inlineRows(rows: AsyncIterable<JsonObject>): Promise<readonly JsonObject[] | undefined> {
  const read: JsonObject[] = [];
  let chars = 0;
  for await (const row of rows) {
    chars += JSON.stringify(row).length;
    if (chars > MAX_INLINE_BYTES) return undefined;
    read.push(row);
  }
  return read;
}

async function* jsonLines(rows: AsyncIterable<JsonObject>): AsyncGenerator<Uint8Array, void> {
  let text = "";
  for await (const row of rows) {
    text += `${JSON.stringify(row)}\n`;
    if (text.length < CHUNK_CHARS) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (text !== "") yield Buffer.from(text);
}

/** The name that a download is saved under: a file's own, else one made of the artifact's id. */
function nameOf(artifact: Artifact, { format }: Materialization): string {
  const uiName = artifact.metadata["ui_name"];
  return artifact.artifact_type === "file" && typeof uiName === "string" ? uiName : `${artifact.artifact_id}.${format}`;
}

function inline({ format }: Materialization, bytes: Buffer): InlinePayload {
  const text = utf8(bytes);
  if (text === undefined) return { payload: bytes.toString("base64"), payload_encoding: "base64" };
  if (format === "json" || format === "jsonl") {
    try {
      const payload =
        format === "json"
          ? parseJson(bytes)
          : text
              .split("\n")
              .filter((line) => line !== "")
              .map((line) => parseJson(Buffer.from(line)));
      return { payload, payload_encoding: format };
    } catch {
      // A tenant's file that only claims to be JSON is shown as the text that it is; so is one that an answer would not give back as it is.
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
