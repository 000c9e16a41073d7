import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import type { DownloadLeave, UploadLeave } from "../../../shared/ports/object-store.ts";
import { hasCode, isMissing } from "./object-files.ts";

const KEY_BYTES = 32;

/** What a signed URL of this server allows, to whoever holds it. */
export type PutLeave = UploadLeave & { readonly method: "PUT" };
export type GetLeave = DownloadLeave & { readonly method: "GET" };

const signed = {
  expires_ms: z.coerce.number().pipe(z.int()),
  content_type: z.string(),
  signature: z.string().regex(/^[0-9a-f]{64}$/),
};
const putQuery = z.object({ ...signed, size_bytes: z.coerce.number().pipe(z.int()) });
const getQuery = z.object({ ...signed, filename: z.string() });

/**
 * Leaves as URLs below one root, proven by an HMAC-SHA256 whose key never leaves this machine.
 * Checks throw `signed_url.invalid` or `signed_url.expired` (403).
 */
export interface SignedPaths {
  sign(leave: PutLeave | GetLeave): Promise<string>;
  checkPut(url: URL): Promise<PutLeave>;
  checkGet(url: URL): Promise<GetLeave>;
}

export function createSignedPaths(root: string, keyFile: string): SignedPaths {
  let loaded: Promise<Buffer> | undefined;
  const key = (): Promise<Buffer> => {
    loaded ??= loadKey(keyFile).catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
  const signatureOf = async (leave: PutLeave | GetLeave): Promise<Buffer> =>
    createHmac("sha256", await key())
      .update(JSON.stringify(Object.entries(leave).toSorted(([a], [b]) => (a < b ? -1 : 1))))
      .digest();

  const proven = async <Leave extends PutLeave | GetLeave>(leave: Leave, signature: string): Promise<Leave> => {
    if (!timingSafeEqual(Buffer.from(signature, "hex"), await signatureOf(leave))) throw invalid();
    if (leave.expiresMs > Date.now()) return leave;
    throw new RuntimeError("signed_url.expired", "This signed URL has expired; ask for a new one.", { status: 403 });
  };
  const pathIn = ({ pathname }: URL): string => {
    if (!pathname.startsWith(root)) throw invalid();
    return decoded(pathname.slice(root.length));
  };

  return {
    sign: async (leave) => {
      const parameters = new URLSearchParams({
        expires_ms: String(leave.expiresMs),
        content_type: leave.contentType,
        ...(leave.method === "PUT" ? { size_bytes: String(leave.sizeBytes) } : { filename: leave.filename }),
        signature: (await signatureOf(leave)).toString("hex"),
      });
      return `${root}${leave.path.split("/").map(encodeURIComponent).join("/")}?${parameters.toString()}`;
    },

    checkPut: async (url) => {
      const { expires_ms, content_type, size_bytes, signature } = claimed(url, putQuery);
      const what = { path: pathIn(url), contentType: content_type, sizeBytes: size_bytes, expiresMs: expires_ms };
      return proven({ method: "PUT", ...what }, signature);
    },

    checkGet: async (url) => {
      const { expires_ms, content_type, filename, signature } = claimed(url, getQuery);
      const what = { path: pathIn(url), contentType: content_type, filename, expiresMs: expires_ms };
      return proven({ method: "GET", ...what }, signature);
    },
  };
}

function claimed<Claims>({ searchParams }: URL, schema: z.ZodType<Claims>): Claims {
  const parsed = schema.safeParse(Object.fromEntries(searchParams));
  if (!parsed.success) throw invalid();
  return parsed.data;
}

function decoded(path: string): string {
  try {
    return path.split("/").map(decodeURIComponent).join("/");
  } catch {
    throw invalid();
  }
}

function invalid(): RuntimeError {
  return new RuntimeError("signed_url.invalid", "This is no signed URL of this service, or it was changed.", {
    status: 403,
  });
}

/** The key, made by whoever needs it first; linked into its place, so that nobody reads half of one. */
async function loadKey(file: string): Promise<Buffer> {
  try {
    return await readKey(file);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const draft = `${file}.${process.pid}`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(draft, randomBytes(KEY_BYTES), { mode: 0o600 });
  try {
    await link(draft, file);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readKey(file);
}

/** An empty key, as a power failure may leave it, would let anybody sign. */
async function readKey(file: string): Promise<Buffer> {
  const key = await readFile(file);
  if (key.length === KEY_BYTES) return key;
  throw new RuntimeError("object_store.bad_key", "The key that signs URLs is damaged; remove it to have a new one.");
}
