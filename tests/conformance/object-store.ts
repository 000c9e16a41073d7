import { createHash } from "node:crypto";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ObjectStore, ObjectTarget } from "../../shared/ports/object-store.ts";
import { describeSignedUrls } from "./object-store-signed-urls.ts";
import type { OpenObjectStores } from "./object-store-under-test.ts";

const TARGET: ObjectTarget = { directory: "artifacts/acme/file/f1", extension: "bin", contentType: "text/plain" };

/** The tests that every ObjectStore passes, named after what `shared/ports/object-store.ts` promises. */
export function describeObjectStore(name: string, { open, openFragile }: OpenObjectStores): void {
  const begin = async () => {
    const under = await open();
    return { ...under, [Symbol.asyncDispose]: () => under.close() };
  };

  describe(name, () => {
    it("names an object by its content and gives its bytes back", async () => {
      await using on = await begin();
      const written = await on.store.write(TARGET, chunks("one ", "two", "", " three"));
      const sha256 = digest("one two three");
      expect(written).toEqual({ path: `${TARGET.directory}/${sha256}.bin`, sizeBytes: 13, sha256 });
      expect(await text(on.store, written.path)).toBe("one two three");
      expect(await on.store.size(written.path)).toBe(13);
    });

    it("deletes all that is below a directory and nothing else, and nothing twice", async () => {
      await using on = await begin();
      const [near, other] = [`${TARGET.directory}0`, "artifacts/acme/file"];
      const stays = [];
      for (const directory of [near, other]) {
        stays.push((await on.store.write({ ...TARGET, directory }, chunks(directory))).path);
      }
      for (let n = 0; n < 130; n += 1) {
        const directory = n % 2 === 0 ? TARGET.directory : `${TARGET.directory}/deeper/${n}`;
        await on.store.write({ ...TARGET, directory }, chunks(`object ${n}`));
      }
      await on.store.deleteBelow(TARGET.directory);
      await on.store.deleteBelow(TARGET.directory);
      expect((await on.all()).toSorted()).toEqual(stays.toSorted());
      await expect(on.store.deleteBelow("../elsewhere")).rejects.toMatchObject({ code: "object.bad_path" });
    });

    it("keeps any bytes, however they are cut into chunks", async () => {
      await using on = await begin();
      const parts = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(parts, async (bytes) => {
          const whole = Buffer.concat(bytes);
          const written = await on.store.write(TARGET, chunks(...bytes));
          expect(written).toMatchObject({ sizeBytes: whole.length, sha256: digest(whole) });
          expect(Buffer.concat(await Array.fromAsync(await on.store.read(written.path))).equals(whole)).toBe(true);
        }),
        { numRuns: 30 },
      );
    });

    it("keeps an object of nothing, and one of several megabytes", async () => {
      await using on = await begin();
      const empty = await on.store.write(TARGET, chunks());
      expect(empty).toMatchObject({ sizeBytes: 0, sha256: digest("") });
      expect(await on.store.size(empty.path)).toBe(0);
      expect(await text(on.store, empty.path)).toBe("");
      const block = Buffer.alloc(64 * 1024, "x");
      const large = await on.store.write(TARGET, chunks(...Array.from({ length: 64 }, () => block)));
      expect(large.sizeBytes).toBe(4 * 1024 * 1024);
      expect(await text(on.store, large.path)).toHaveLength(large.sizeBytes);
    });

    it("writing the same bytes twice is writing them once", async () => {
      await using on = await begin();
      const first = await on.store.write(TARGET, chunks("same"));
      const second = await on.store.write(TARGET, chunks("sa", "me"));
      expect(second).toEqual(first);
      expect(await on.all()).toEqual([first.path]);
    });

    it("concurrent writers of the same bytes and of others all succeed", async () => {
      await using on = await begin();
      const texts = Array.from({ length: 24 }, (_, n) => `text ${n % 6}`);
      const written = await Promise.all(texts.map((content) => on.store.write(TARGET, chunks(content))));
      expect(new Set(written.map(({ path }) => path)).size).toBe(6);
      for (const [n, { path }] of written.entries()) expect(await text(on.store, path)).toBe(texts[n]);
      expect(await on.all()).toHaveLength(6);
    });

    it("one reader sees the whole object while another writer writes it again", async () => {
      await using on = await begin();
      const content = "x".repeat(300_000);
      const { path } = await on.store.write(TARGET, chunks(content));
      const [read] = await Promise.all([text(on.store, path), on.store.write(TARGET, chunks(content))]);
      expect(read).toBe(content);
    });

    it("a source that throws midway leaves nothing, and its own error comes through", async () => {
      await using on = await begin();
      const failure = new RangeError("the source broke");
      await expect(on.store.write(TARGET, broken(failure))).rejects.toBe(failure);
      expect(await on.all()).toEqual([]);
      const whole = await on.store.write(TARGET, chunks("first half"));
      await expect(on.store.write(TARGET, broken(failure))).rejects.toBe(failure);
      expect(await on.all()).toEqual([whole.path]);
    });

    it("nothing can be seen of an object while it is being written", async () => {
      await using on = await begin();
      const path = `${TARGET.directory}/${digest("first second")}.bin`;
      const seen: unknown[] = [];
      const source = async function* () {
        yield Buffer.from("first ");
        seen.push(await on.store.size(path));
        yield Buffer.from("second");
        seen.push(await on.store.size(path));
      };
      await on.store.write(TARGET, source());
      expect(seen).toEqual([undefined, undefined]);
      expect(await on.store.size(path)).toBe(12);
    });

    it("what is absent is not found, has no size, and may be deleted", async () => {
      await using on = await begin();
      const { path } = await on.store.write(TARGET, chunks("something"));
      for (const absent of ["nowhere/at/all.bin", TARGET.directory, "artifacts"]) {
        await expect(on.store.read(absent)).rejects.toMatchObject({ code: "object.not_found", status: 404 });
        expect(await on.store.size(absent)).toBeUndefined();
        await on.store.delete(absent);
      }
      expect(await text(on.store, path)).toBe("something");
    });

    it("a deleted object is gone, and can be written again", async () => {
      await using on = await begin();
      const { path } = await on.store.write(TARGET, chunks("short-lived"));
      await on.store.delete(path);
      expect(await on.store.size(path)).toBeUndefined();
      await expect(on.store.read(path)).rejects.toMatchObject({ code: "object.not_found" });
      expect((await on.store.write(TARGET, chunks("short-lived"))).path).toBe(path);
      expect(await text(on.store, path)).toBe("short-lived");
    });

    it.each([
      "../outside.bin",
      "artifacts/../../outside.bin",
      "/etc/passwd",
      "",
      ".",
      "payloads/acme/../rival/x.json",
      "payloads//x.json",
      "payloads/./x.json",
    ])("refuses the path %j, which is not written plainly below the store", async (path) => {
      await using on = await begin();
      const refusal = { code: "object.bad_path" };
      await expect(on.store.read(path)).rejects.toMatchObject(refusal);
      await expect(on.store.size(path)).rejects.toMatchObject(refusal);
      await expect(on.store.delete(path)).rejects.toMatchObject(refusal);
      expect(() => on.store.uri(path)).toThrow(expect.objectContaining(refusal));
      await expect(on.store.write({ ...TARGET, directory: path }, chunks("x"))).rejects.toMatchObject(refusal);
      expect(await on.all()).toEqual([]);
    });

    it("gives an absolute URI that is the same for the same object", async () => {
      await using on = await begin();
      const { path } = await on.store.write(TARGET, chunks("x"));
      const uri = new URL(on.store.uri(path));
      expect(uri.pathname.endsWith(path)).toBe(true);
      expect(on.store.uri(path)).toBe(uri.href);
    });

    it("gives any part of an object", async () => {
      await using on = await begin();
      const content = Buffer.alloc(3 * 1024 * 1024, "0123456789");
      const { path } = await on.store.write(TARGET, chunks(content));
      const ranges = [
        [0, 0],
        [0, 9],
        [1_234_567, 2_345_678],
        [content.length - 1, content.length - 1],
      ] as const;
      for (const [first, last] of ranges) {
        const part = Buffer.concat(await Array.fromAsync(await on.store.read(path, { first, last })));
        expect(part.equals(content.subarray(first, last + 1))).toBe(true);
      }
    });

    it("an object whose bytes were changed is found out at its end", async () => {
      await using on = await begin();
      for (const size of [3, 300_000, 3_000_000]) {
        const { path } = await on.store.write(TARGET, chunks("x".repeat(size)));
        for (const other of [`${"x".repeat(size - 1)}y`, "x".repeat(size - 1), "x".repeat(size + 1), ""]) {
          await on.overwrite(path, Buffer.from(other));
          await expect(text(on.store, path)).rejects.toMatchObject({ code: "object.damaged", status: 500 });
        }
      }
    });

    it("an object larger than any buffer on its way comes whole", async () => {
      await using on = await begin();
      const block = Buffer.alloc(1_000_003, "abcdefg");
      const written = await on.store.write(TARGET, chunks(...Array.from({ length: 40 }, () => block)));
      expect(written.sizeBytes).toBe(40 * block.length);
      let seen = 0;
      for await (const chunk of await on.store.read(written.path)) seen += chunk.length;
      expect(seen).toBe(written.sizeBytes);
      expect(await on.all()).toEqual([written.path]);
    });

    it(
      "rejects as unavailable while it is away, never answers emptily, and works when it is back",
      { timeout: 60_000 },
      async () => {
        const on = await openFragile();
        try {
          await expect(on.store.ping()).resolves.toBeUndefined();
          const { path } = await on.store.write(TARGET, chunks("x"));
          await on.takeAway();
          const away = { code: "object_store.unavailable", status: 503, retryable: true };
          const leave = {
            path: "uploads/acme/u1",
            contentType: "text/plain",
            sizeBytes: 1,
            expiresMs: Date.now() + 60_000,
          };
          const calls = {
            ping: () => on.store.ping(),
            "write a little": () => on.store.write(TARGET, chunks("y")),
            "write much": () => on.store.write(TARGET, chunks(Buffer.alloc(2 * 1024 * 1024))),
            size: () => on.store.size(path),
            read: () => text(on.store, path),
            adopt: () => on.store.adopt(leave.path, TARGET),
            spend: () => on.store.spend(leave.path),
            delete: () => on.store.delete(path),
          };
          const outcomes = await Promise.all(
            Object.entries(calls).map(async ([call, run]) => [
              call,
              await run().then(
                () => "an answer",
                (error: unknown) => error,
              ),
            ]),
          );
          for (const [call, error] of outcomes) expect({ call, error }).toMatchObject({ call, error: away });
          await on.bringBack();
          await expect(on.store.ping()).resolves.toBeUndefined();
          expect(await text(on.store, path)).toBe("x");
          expect(await text(on.store, (await on.store.write(TARGET, chunks("y"))).path)).toBe("y");
        } finally {
          await on.close();
        }
      },
    );

    describeSignedUrls(open);
  });
}

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(typeof part === "string" ? Buffer.from(part) : part);
}

async function* broken(failure: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.from("first half");
  throw await Promise.resolve(failure);
}

async function text(store: ObjectStore, path: string): Promise<string> {
  return Buffer.concat(await Array.fromAsync(await store.read(path))).toString();
}

function digest(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
