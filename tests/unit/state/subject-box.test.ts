import { randomBytes } from "node:crypto";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createDataKeys } from "../../../infra/adapters/master-key/data-keys.ts";
import { systemRandom } from "../../../infra/adapters/system/system.ts";
import type { JsonValue } from "../../../shared/json.ts";
import { createSubjectBox, type SubjectBox } from "../../../shared/state/subject-box.ts";

const CHUNK = 64 * 1024;
const SALT = 16;
const TAG = 16;

const newBox = (keyId = "key-1", key = randomBytes(32)): SubjectBox =>
  createSubjectBox({ subjectId: "subject-1", keyId, key }, () => systemRandom.uuid());

async function* inPieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

const collect = async (source: AsyncIterable<Uint8Array>): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(source));
const decrypted = (box: SubjectBox, bytes: Uint8Array) => collect(box.decrypt(inPieces(bytes, 1_000)));
const unreadable = expect.objectContaining({ code: "subject.unreadable" }) as unknown;

describe("a subject's box", () => {
  it("gives back any JSON that it sealed, and seals it differently each time", () => {
    const box = newBox();
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as JsonValue;
        const [one, two] = [box.seal(plain), box.seal(plain)];
        expect(box.open(one)).toEqual(plain);
        expect(one).not.toBe(two);
      }),
      { numRuns: 50 },
    );
  });

  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])(
    "gives back %i bytes, in whatever pieces they come",
    async (size) => {
      const box = newBox();
      const bytes = randomBytes(size);
      const kept = await collect(box.encrypt(inPieces(bytes, 7_777)));
      expect(kept.length).toBe(SALT + size + TAG * Math.max(1, Math.ceil(size / CHUNK)));
      for (const pieces of [13_001, CHUNK, kept.length]) {
        expect((await collect(box.decrypt(inPieces(kept, pieces)))).equals(bytes)).toBe(true);
      }
    },
  );

  it("refuses bytes that were cut, lengthened, put in another order, repeated or changed", async () => {
    const box = newBox();
    const kept = await collect(box.encrypt(inPieces(randomBytes(2 * CHUNK + 5), CHUNK)));
    const salt = kept.subarray(0, SALT);
    const first = kept.subarray(SALT, SALT + CHUNK + TAG);
    const second = kept.subarray(SALT + CHUNK + TAG, SALT + 2 * (CHUNK + TAG));
    const last = kept.subarray(SALT + 2 * (CHUNK + TAG));
    const flipped = Buffer.from(kept);
    flipped[SALT + 10] = (flipped[SALT + 10] ?? 0) ^ 1;
    const broken = [
      Buffer.alloc(0),
      salt,
      Buffer.concat([salt, first]),
      Buffer.concat([salt, first, second]),
      Buffer.concat([salt, second, first, last]),
      Buffer.concat([salt, first, first, second, last]),
      Buffer.concat([salt, first, last]),
      Buffer.concat([kept, Buffer.from([0])]),
      kept.subarray(0, -1),
      flipped,
    ];
    for (const bytes of broken) await expect(decrypted(box, bytes)).rejects.toEqual(unreadable);
  });

  it("opens nothing of another key, or of another id of the same key", () => {
    const key = randomBytes(32);
    const sealed = newBox("key-1", key).seal({ name: "Zoe" });
    expect(newBox("key-1", key).open(sealed)).toEqual({ name: "Zoe" });
    for (const other of [newBox("key-1"), newBox("key-2", key)]) {
      expect(() => other.open(sealed)).toThrow(expect.objectContaining({ code: "subject.unreadable" }));
    }
  });

  it("gives equal values equal fingerprints, under its own key only", () => {
    const box = newBox();
    expect(box.fingerprint({ a: 1, b: 2 })).toBe(box.fingerprint({ b: 2, a: 1 }));
    expect(box.fingerprint({ a: 1 })).not.toBe(newBox().fingerprint({ a: 1 }));
  });
});

describe("a master key", () => {
  it("unwraps what it wrapped, in the same context, and nothing else", async () => {
    const keys = createDataKeys(randomBytes(32));
    const { key, wrappedKey } = await keys.generate("acme/subject-1");
    expect(Buffer.from(await keys.unwrap(wrappedKey, "acme/subject-1")).equals(key)).toBe(true);
    const refusals = [
      keys.unwrap(wrappedKey, "rival/subject-1"),
      keys.unwrap("AAAA", "acme/subject-1"),
      createDataKeys(randomBytes(32)).unwrap(wrappedKey, "acme/subject-1"),
    ];
    for (const refusal of refusals) await expect(refusal).rejects.toMatchObject({ code: "subject.key_unreadable" });
  });
});
