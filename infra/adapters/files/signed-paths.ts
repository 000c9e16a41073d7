import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import { hasCode, isMissing } from "./object-files.ts";

const KEY_BYTES = 32;

/** What a signed URL of this server allows, to whoever holds it. */
export type Leave =
  | {
      readonly method: "PUT";
      readonly path: string;
      readonly contentType: string;
      readonly sizeBytes: number;
      readonly expiresMs: number;
    }
  | {
      readonly method: "GET";
      readonly path: string;
      readonly contentType: string;
      readonly filename: string;
      readonly expiresMs: number;
    };

const query = z.object({
  expires_ms: z.coerce.number().pipe(z.int()),
  content_type: z.string(),
  signature: z.string().regex(/^[0-9a-f]{64}$/),
  size_bytes: z.coerce.number().pipe(z.int()).optional(),
  filename: z.string().optional(),
});

/** Leaves as URLs below one root, proven by an HMAC-SHA256 whose key never leaves this machine. */
export interface SignedPaths {
  sign(leave: Leave): Promise<string>;
  /** Throws `signed_url.invalid` or `signed_url.expired` (403). */
  check(method: Leave["method"], url: URL): Promise<Leave>;
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
  const signatureOf = async (leave: Leave): Promise<Buffer> =>
    createHmac("sha256", await key())
      .update(JSON.stringify(Object.entries(leave).toSorted(([a], [b]) => (a < b ? -1 : 1))))
      .digest();

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

    check: async (method, url) => {
      const { leave, signature } = read(root, method, url);
      if (!timingSafeEqual(Buffer.from(signature, "hex"), await signatureOf(leave))) throw invalid();
      if (leave.expiresMs <= Date.now()) {
        throw new RuntimeError("signed_url.expired", "This signed URL has expired; ask for a new one.", {
          status: 403,
        });
      }
      return leave;
    },
  };
}

/** What the URL claims to allow. */
function read(
  root: string,
  method: Leave["method"],
  { pathname, searchParams }: URL,
): { readonly leave: Leave; readonly signature: string } {
  const parsed = query.safeParse(Object.fromEntries(searchParams));
  if (!pathname.startsWith(root) || !parsed.success) throw invalid();
  const { expires_ms: expiresMs, content_type: contentType, signature, size_bytes: sizeBytes, filename } = parsed.data;
  const path = decoded(pathname.slice(root.length));
  if (method === "PUT") {
    if (sizeBytes === undefined) throw invalid();
    return { leave: { method, path, contentType, sizeBytes, expiresMs }, signature };
  }
  if (filename === undefined) throw invalid();
  return { leave: { method, path, contentType, filename, expiresMs }, signature };
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
