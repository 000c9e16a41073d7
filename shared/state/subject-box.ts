import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";

import { RuntimeError } from "../errors.ts";
import { canonicalJson, type JsonValue } from "../json.ts";

const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SALT_BYTES = 16;

/** What seals one subject's data, for as long as whoever holds it keeps it. */
export interface SubjectBox {
  readonly subjectId: string;
  readonly keyId: string;
  seal(value: JsonValue): string;
  /** Throws `subject.unreadable` for what this box has not sealed. */
  open(sealed: string): JsonValue;
  /** Encrypts a stream; its order and its end are authenticated. */
  encrypt(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Throws `subject.unreadable`, before any byte of a chunk that is changed, moved or the last of too few. */
  decrypt(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** A digest that nobody can guess values by who does not have the key. */
  fingerprint(value: JsonValue): string;
}

export interface BoxKey {
  readonly subjectId: string;
  readonly keyId: string;
  readonly key: Uint8Array;
}

/**
 * Every message has a key of its own, by HKDF from the subject's and a salt in front of the message; within a message the nonce is
 * the chunk's number and whether it is the last (the STREAM construction), so that no nonce is used twice.
 */
export function createSubjectBox({ subjectId, keyId, key }: BoxKey, uuid: () => string): SubjectBox {
  const messageKey = (salt: Uint8Array): Uint8Array =>
    new Uint8Array(hkdfSync("sha256", key, salt, `symphainy/subject/${keyId}`, 32));
  const newSalt = (): Buffer => Buffer.from(uuid().replaceAll("-", ""), "hex");

  const sealChunk = (using: Uint8Array, index: number, last: boolean, plain: Uint8Array): Buffer => {
    const cipher = createCipheriv("aes-256-gcm", using, nonceOf(index, last));
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  const openChunk = (using: Uint8Array, index: number, last: boolean, sealed: Uint8Array): Buffer => {
    try {
      const decipher = createDecipheriv("aes-256-gcm", using, nonceOf(index, last), { authTagLength: TAG_BYTES });
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw unreadable(cause);
    }
  };

  return {
    subjectId,
    keyId,
    seal: (value) => {
      const salt = newSalt();
      const sealed = sealChunk(messageKey(salt), 0, true, Buffer.from(JSON.stringify(value)));
      return Buffer.concat([salt, sealed]).toString("base64");
    },
    open: (sealed) => {
      const bytes = Buffer.from(sealed, "base64");
      const plain = openChunk(messageKey(bytes.subarray(0, SALT_BYTES)), 0, true, bytes.subarray(SALT_BYTES));
      return JSON.parse(plain.toString()) as JsonValue;
    },
    encrypt: async function* encrypt(source) {
      const salt = newSalt();
      const using = messageKey(salt);
      yield salt;
      let index = 0;
      for await (const { bytes, last } of chunksOf(source, CHUNK_BYTES)) {
        yield sealChunk(using, index, last, bytes);
        index += 1;
      }
    },
    decrypt: async function* decrypt(source) {
      let using: Uint8Array | undefined;
      let index = 0;
      for await (const { bytes, last } of chunksOf(source, CHUNK_BYTES + TAG_BYTES, SALT_BYTES)) {
        if (using === undefined) {
          using = messageKey(bytes);
          continue;
        }
        yield openChunk(using, index, last, bytes);
        index += 1;
      }
      if (index === 0) throw unreadable();
    },
    fingerprint: (value) => createHmac("sha256", key).update(canonicalJson(value)).digest("hex"),
  };
}

function nonceOf(index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 5, 6);
  nonce.writeUInt8(last ? 1 : 0, 11);
  return nonce;
}

/** The bytes in pieces of one size, after a first of its own; the last one may be shorter, and is told: also of no bytes there is one. */
async function* chunksOf(
  source: AsyncIterable<Uint8Array>,
  size: number,
  firstSize = size,
): AsyncGenerator<{ readonly bytes: Buffer; readonly last: boolean }> {
  let wanted = firstSize;
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const part of source) {
    parts.push(part);
    held += part.length;
    if (held <= wanted) continue;
    // One byte more than a piece: so it is not the last.
    let rest = Buffer.concat(parts);
    while (rest.length > wanted) {
      yield { bytes: rest.subarray(0, wanted), last: false };
      rest = rest.subarray(wanted);
      wanted = size;
    }
    parts = [rest];
    held = rest.length;
  }
  yield { bytes: Buffer.concat(parts), last: true };
}

function unreadable(cause?: unknown): RuntimeError {
  return new RuntimeError("subject.unreadable", "What was sealed for a subject is not what is there now.", { cause });
}
