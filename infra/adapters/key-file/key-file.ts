import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const KEY_BYTES = 32;

/**
 * A secret key of 32 bytes that lives in a file: made by whoever asks first, and the same for all who ask later.
 * It gets its name only once it is whole, so neither a process that starts beside this one nor a crash or a full disk leaves less.
 * Throws what the file system throws, and a RangeError for a file that is no such key: with part of a key anybody could sign.
 */
export function loadKeyFile(file: string): Uint8Array {
  if (!existsSync(file)) make(file);
  const key = readFileSync(file);
  if (key.length === KEY_BYTES) return key;
  throw new RangeError(
    `${file} has ${key.length} bytes and no key of ${KEY_BYTES}; restore it, or delete it for a new one`,
  );
}

function make(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(8).toString("hex")}`;
  try {
    writeFileSync(draft, randomBytes(KEY_BYTES), { flag: "wx", mode: 0o600, flush: true });
    linkSync(draft, file);
  } catch (error) {
    // Another process was faster: its key is the one.
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
