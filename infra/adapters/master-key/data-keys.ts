import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { RuntimeError } from "../../../shared/errors.ts";
import type { DataKeys } from "../../../shared/ports/data-keys.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Wraps keys with AES-256-GCM under one master key of 32 bytes. */
export function createDataKeys(masterKey: Uint8Array): DataKeys {
  return {
    generate: (context) => {
      const key = randomBytes(KEY_BYTES);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", masterKey, nonce).setAAD(Buffer.from(context));
      const wrapped = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
      return Promise.resolve({ key, wrappedKey: wrapped.toString("base64") });
    },
    unwrap: (wrappedKey, context) => Promise.try(unwrapped, masterKey, Buffer.from(wrappedKey, "base64"), context),
  };
}

function unwrapped(masterKey: Uint8Array, bytes: Buffer, context: string): Uint8Array {
  try {
    const decipher = createDecipheriv("aes-256-gcm", masterKey, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    const message = "A subject's key was wrapped by another SUBJECT_MASTER_KEY than this process has.";
    throw new RuntimeError("subject.key_unreadable", message, { cause });
  }
}

/** The master key of dev mode, made at the first start and kept in the data folder. */
export function loadDevMasterKey(file: string): Uint8Array {
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, randomBytes(KEY_BYTES), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readFileSync(file);
}
