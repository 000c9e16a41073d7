import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import * as z from "zod";

import { type Answer, type Client, expectStatus, send } from "../e2e/client.ts";
import type { RuntimeProcess } from "../e2e/runtime-process.ts";

export const MIB: number = 1024 * 1024;

const opened = z.object({
  upload_id: z.string().startsWith("upload_"),
  upload_url: z.url(),
  method: z.literal("PUT"),
  headers: z.record(z.string(), z.string()),
  expires_at: z.iso.datetime(),
});
export type OpenedUpload = z.infer<typeof opened>;

/** Leave to send a file of so many bytes. */
export async function openUpload(client: Client, sizeBytes: number, more: object = {}): Promise<OpenedUpload> {
  const wanted = { filename: "people.csv", content_type: "text/csv", size_bytes: sizeBytes, ...more };
  const answer = await client.post("/files/upload-url", wanted);
  expectStatus(answer, 201);
  return answer.as(opened);
}

/** Sends the file as an app does: to the URL, with the headers that were named. */
export function put(
  { upload_url, method, headers }: Pick<OpenedUpload, "upload_url" | "method" | "headers">,
  raw: string | Uint8Array | ReadableStream,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return send(upload_url, { method, path: "", raw, headers: { ...headers, ...more } });
}

/** Many bytes that nobody holds at once, no two blocks of them the same; `sha256` is theirs when all were read. */
export function largeBody(sizeBytes: number): { readonly body: ReadableStream<Uint8Array>; sha256(): string } {
  const digest = createHash("sha256");
  const block = Buffer.alloc(MIB, "0123456789abcdef");
  let left = sizeBytes / MIB;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (left === 0) return controller.close();
      left -= 1;
      block.writeUInt32BE(left);
      digest.update(block);
      controller.enqueue(Uint8Array.from(block));
    },
  });
  return { body, sha256: () => digest.digest("hex") };
}

/** The most memory that a process has had resident so far, as the kernel keeps it. */
export async function peakMemoryMiB({ pid }: RuntimeProcess): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, "utf8");
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024);
}
