import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  verify,
} from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { dirname } from "node:path";

import * as z from "zod";

import { GcsError } from "./gcs-standin-objects.ts";

const accountSchema = z.object({ client_email: z.string(), private_key: z.string() });

const query = z.object({
  "X-Goog-Algorithm": z.literal("GOOG4-RSA-SHA256"),
  "X-Goog-Credential": z.string(),
  "X-Goog-Date": z.string().regex(/^\d{8}T\d{6}Z$/),
  "X-Goog-Expires": z.coerce.number(),
  "X-Goog-SignedHeaders": z.string(),
  "X-Goog-Signature": z.string().regex(/^[0-9a-f]+$/),
});

/** Writes the key file of a service account that exists on this machine only, unless there is one. */
export async function makeServiceAccount(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const account = {
    type: "service_account",
    project_id: "symphainy-local",
    private_key_id: "local",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    client_email: "runtime@symphainy-local.iam.gserviceaccount.com",
    client_id: "1",
    token_uri: "http://127.0.0.1/token",
  };
  await writeFile(file, JSON.stringify(account), { flag: "wx", mode: 0o600 }).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  });
}

/** Checks requests that bring a V4 signature in their query (cloud.google.com/storage/docs/authentication/canonical-requests). */
export interface SignatureChecker {
  /** Throws 400 for an expired URL, 403 for a signature that is not the account's for this very request. */
  check(method: string, url: URL, headers: IncomingHttpHeaders): void;
}

export async function createSignatureChecker(keyFile: string): Promise<SignatureChecker> {
  const account = accountSchema.parse(JSON.parse(await readFile(keyFile, "utf8")));
  const key = createPublicKey(createPrivateKey(account.private_key));
  return { check: (method, url, headers) => checkSignature(account.client_email, key, method, url, headers) };
}

function checkSignature(email: string, key: KeyObject, method: string, url: URL, headers: IncomingHttpHeaders): void {
  const parsed = query.safeParse(Object.fromEntries(url.searchParams));
  if (!parsed.success) throw denied("The request has no V4 signature.");
  const { "X-Goog-Date": date, "X-Goog-Credential": credential, "X-Goog-SignedHeaders": names } = parsed.data;
  const scope = credential.slice(email.length + 1);
  if (!credential.startsWith(`${email}/`)) throw denied("Another account has signed this.");

  const signedHeaders = names.split(";").map((name) => `${name}:${valueOf(name, headers)}\n`);
  const parameters = [...url.searchParams]
    .filter(([name]) => name !== "X-Goog-Signature")
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted((a, b) => (a < b ? -1 : 1));
  const canonical = [method, url.pathname, parameters.join("&"), signedHeaders.join(""), names, "UNSIGNED-PAYLOAD"];
  const digest = createHash("sha256").update(canonical.join("\n")).digest("hex");
  const signed = Buffer.from(["GOOG4-RSA-SHA256", date, scope, digest].join("\n"));
  if (!verify("sha256", signed, key, Buffer.from(parsed.data["X-Goog-Signature"], "hex"))) {
    throw denied("The request signature we calculated does not match the signature you provided.");
  }
  const signedAtMs = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
  if (signedAtMs + parsed.data["X-Goog-Expires"] * 1_000 <= Date.now()) {
    throw new GcsError(400, "ExpiredToken", "The provided token has expired.");
  }
}

/** The client signs the host without its port, which the real service never has. */
function valueOf(name: string, headers: IncomingHttpHeaders): string {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(",") : (value ?? "");
  return name === "host" ? text.replace(/:\d+$/, "") : text.trim().replace(/\s{2,}/g, " ");
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function denied(message: string): GcsError {
  return new GcsError(403, "SignatureDoesNotMatch", message);
}
