import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { RuntimeError } from "../../../shared/errors.ts";
import type { DataKeys } from "../../../shared/ports/data-keys.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Wraps keys with AES-256-GCM under one master key of 32 bytes; unwraps also what those before it wrapped. */
export function createDataKeys(current: Uint8Array, ...before: readonly Uint8Array[]): DataKeys {
  const wrap = (key: Uint8Array, context: string): string => {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", current, nonce).setAAD(Buffer.from(context));
    return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString("base64");
  };
  const unwrapByAny = (wrappedKey: string, context: string, masterKeys: readonly Uint8Array[]): Uint8Array => {
    const bytes = Buffer.from(wrappedKey, "base64");
    const [first, ...others] = masterKeys;
    try {
      return unwrapped(first ?? current, bytes, context);
    } catch (cause) {
      if (others.length > 0) return unwrapByAny(wrappedKey, context, others);
      const message = "A subject's key was wrapped by another SUBJECT_MASTER_KEY than this process has.";
      throw new RuntimeError("subject.key_unreadable", message, { cause });
    }
  };
  return {
    isChanging: before.length > 0,
    generate: (context) => {
      const key = randomBytes(KEY_BYTES);
      return Promise.resolve({ key, wrappedKey: wrap(key, context) });
    },
    unwrap: (wrappedKey, context) => Promise.try(unwrapByAny, wrappedKey, context, [current, ...before]),
    rewrap: (wrappedKey, context) =>
      Promise.try(() => {
        try {
          unwrapByAny(wrappedKey, context, [current]);
          return undefined;
        } catch (error) {
          if (before.length === 0) throw error;
          return wrap(unwrapByAny(wrappedKey, context, before), context);
        }
      }),
  };
}

function unwrapped(masterKey: Uint8Array, bytes: Buffer, context: string): Uint8Array {
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", masterKey, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}
