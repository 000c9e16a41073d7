import * as z from "zod";

import { MEDIA_TYPE } from "../../shared/artifacts/media-type.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { jsonValue } from "../../shared/json.ts";

/** Larger files come through an upload URL: large bytes never travel through an intent. */
const MAX_INLINE_BYTES = 1024 * 1024;
const MAX_BASE64_CHARS = Math.ceil(MAX_INLINE_BYTES / 3) * 4;
/** What a file comes as: exactly one of each list. */
const SOURCES = {
  upload: [["content_base64", "upload_id"]],
  edi: [["edi_data"], ["partner_id"]],
  api: [["api_payload"]],
} as const;
const SOURCE_FIELDS = Object.values(SOURCES).flat(2);

/** A file on its way in, as `content.ingest_file` takes it. */
export const fileToIngest = z
  .strictObject({
    ui_name: z.string().min(1).max(255).describe("the file's name as people see it, with its extension"),
    ingestion_type: z.enum(["upload", "edi", "api"]).default("upload"),
    content_base64: z
      .base64()
      .max(MAX_BASE64_CHARS, `decodes to more than ${MAX_INLINE_BYTES} bytes; use an upload URL`)
      .optional()
      .describe("upload: the file's bytes, at most 1 MiB decoded"),
    upload_id: z.string().min(1).max(128).optional().describe("upload: what was sent to a URL of /files/upload-url"),
    edi_data: z.string().max(MAX_INLINE_BYTES).optional().describe("edi: the interchange as text"),
    partner_id: z.string().min(1).max(255).optional().describe("edi: who sent it"),
    api_payload: jsonValue.optional().describe("api: the payload, kept as JSON"),
    file_type: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe("csv, json, jsonl, xlsx ...; found by the name when absent"),
    mime_type: z
      .string()
      .max(255)
      .regex(MEDIA_TYPE, "must be a media type such as text/csv, with parameters or without")
      .optional(),
    data_classification: z.enum(["platform", "client"]).default("client"),
  })
  .superRefine((file, check) => {
    const complain = (name: string, message: string): void => check.addIssue({ code: "custom", path: [name], message });
    const choices: readonly (readonly (keyof typeof file)[])[] = SOURCES[file.ingestion_type];
    for (const choice of choices) {
      const given = choice.filter((name) => file[name] !== undefined);
      const [name = ""] = choice;
      const or = choice.length > 1 ? ` (or else ${choice.slice(1).join(", ")})` : "";
      if (given.length === 0) complain(name, `is required when ingestion_type is ${file.ingestion_type}${or}`);
      for (const extra of given.slice(1)) complain(extra, `does not go with ${given[0] ?? ""}`);
    }
    for (const name of SOURCE_FIELDS) {
      if (file[name] !== undefined && !choices.flat().includes(name)) {
        complain(name, `does not go with ingestion_type ${file.ingestion_type}`);
      }
    }
  });

export type FileToIngest = z.infer<typeof fileToIngest>;

export function emptyFile(name: string): RuntimeError {
  return new RuntimeError("content.empty_file", `${name} is empty: it has no bytes.`, { status: 422 });
}

/** The bytes of a file that came within the intent. */
export function bytesOf(file: FileToIngest): Uint8Array {
  switch (file.ingestion_type) {
    case "upload":
      return Buffer.from(file.content_base64 ?? "", "base64");
    case "edi":
      return Buffer.from(file.edi_data ?? "");
    case "api":
      return Buffer.from(JSON.stringify(file.api_payload));
  }
}

/** The extension for the stored object's name: letters and digits only, since the name comes from outside. */
export function extensionOf(name: string): string {
  return /\.([A-Za-z0-9]{1,16})$/.exec(name)?.[1]?.toLowerCase() ?? "bin";
}
