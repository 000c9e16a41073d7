import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import type { ObjectTarget, SignedRequest } from "../../shared/ports/object-store.ts";
import type { ObjectStoreUnderTest } from "./object-store-under-test.ts";

const TARGET: ObjectTarget = { directory: "artifacts/acme/file/f1", extension: "csv", contentType: "text/csv" };
const HOUR_MS = 60 * 60 * 1_000;

/** What those can do who come with a signed URL, and what becomes of what they send. */
export function describeSignedUrls(open: () => Promise<ObjectStoreUnderTest>): void {
  const begin = async () => {
    const under = await open();
    const leave = (path: string, sizeBytes: number, expiresMs = Date.now() + HOUR_MS) =>
      under.store.signUpload({ path, contentType: "text/csv", sizeBytes, expiresMs });
    const send = async (request: SignedRequest, body: string, headers: Readonly<Record<string, string>> = {}) =>
      (await under.send(request.url, { method: request.method, headers: { ...request.headers, ...headers }, body }))
        .status;
    return { ...under, leave, put: send, [Symbol.asyncDispose]: () => under.close() };
  };

  describe("a signed upload", () => {
    it("is one object of the announced size and type, which is adopted under the name of its content", async () => {
      await using on = await begin();
      const path = "uploads/acme/upload ü 1";
      const request = await on.leave(path, 4);
      expect(await on.put(request, "a,b\n")).toBe(200);
      expect(await on.store.size(path)).toBe(4);
      const sha256 = createHash("sha256").update("a,b\n").digest("hex");
      const adopted = { path: `${TARGET.directory}/${sha256}.csv`, sizeBytes: 4, sha256 };
      expect(await on.store.adopt(path, TARGET)).toEqual(adopted);
      expect(await on.store.adopt(path, TARGET)).toEqual(adopted);
      await on.store.delete(path);
      expect(await on.all()).toEqual([adopted.path]);
      expect(Buffer.concat(await Array.fromAsync(await on.store.read(adopted.path))).toString()).toBe("a,b\n");
      await expect(on.store.adopt(path, TARGET)).rejects.toMatchObject({ code: "object.not_found", status: 404 });
    });

    it("is refused, and leaves nothing, when it is smaller, larger, of another type or for another place", async () => {
      await using on = await begin();
      const request = await on.leave("uploads/acme/u1", 4);
      expect(await on.put(request, "a,b")).toBeGreaterThanOrEqual(400);
      expect(await on.put(request, "a,b\nc")).toBeGreaterThanOrEqual(400);
      expect(await on.put(request, "")).toBeGreaterThanOrEqual(400);
      expect(await on.put(request, "a,b\n", { "content-type": "text/html" })).toBeGreaterThanOrEqual(400);
      const elsewhere = { ...request, url: request.url.replace("/acme/", "/globex/") };
      expect(await on.put(elsewhere, "a,b\n")).toBe(403);
      const unsigned = {
        ...request,
        url: request.url.replace(/signature=[0-9a-f]{8}/i, (found) => `${found.slice(0, -8)}00000000`),
      };
      expect(await on.put(unsigned, "a,b\n")).toBe(403);
      expect((await on.send(request.url)).status).toBe(403);
      expect(await on.all()).toEqual([]);
      expect(await on.put(request, "a,b\n")).toBe(200);
    });

    it("is taken once, also of several at the same time", async () => {
      await using on = await begin();
      const request = await on.leave("uploads/acme/u1", 200_000);
      const sent = await Promise.all(["a", "b", "c"].map((letter) => on.put(request, letter.repeat(200_000))));
      expect(sent.filter((status) => status === 200)).toHaveLength(1);
      expect(await on.put(request, "d".repeat(200_000))).toBeGreaterThanOrEqual(400);
      const { sha256 } = await on.store.adopt("uploads/acme/u1", TARGET);
      const winner = ["a", "b", "c"][sent.indexOf(200)] ?? "";
      expect(sha256).toBe(createHash("sha256").update(winner.repeat(200_000)).digest("hex"));
    });

    it("takes nothing more once its bytes were given up, and what was adopted of them stays", async () => {
      await using on = await begin();
      const path = "uploads/acme/u1";
      const request = await on.leave(path, 4);
      expect(await on.put(request, "a,b\n")).toBe(200);
      const adopted = await on.store.adopt(path, TARGET);
      for (let time = 0; time < 2; time += 1) {
        await on.store.spend(path);
        expect(await on.put(request, "c,d\n")).toBeGreaterThanOrEqual(400);
        expect(await on.store.size(path)).toBe(0);
      }
      expect(Buffer.concat(await Array.fromAsync(await on.store.read(adopted.path))).toString()).toBe("a,b\n");
    });

    it("ends with its time", async () => {
      await using on = await begin();
      const request = await on.leave("uploads/acme/u1", 1, Date.now() + 1_000);
      await sleep(1_100);
      expect(await on.put(request, "x")).toBeGreaterThanOrEqual(400);
      expect(await on.all()).toEqual([]);
    });
  });

  describe("a signed download", () => {
    it("gives the bytes of this object to whoever has it, until its time is over", async () => {
      await using on = await begin();
      const source = (async function* () {
        yield await Promise.resolve(Buffer.from("1\n2\n"));
      })();
      const { path } = await on.store.write(TARGET, source);
      const leave = { path, contentType: "text/csv", filename: "zwei Zahlen ü'(*).csv" };
      const url = await on.store.signDownload({ ...leave, expiresMs: Date.now() + HOUR_MS });
      expect(await on.send(url)).toEqual({ status: 200, text: "1\n2\n" });
      expect((await on.send(url.replace("/acme/", "/globex/"))).status).toBe(403);
      expect((await on.send(url, { method: "PUT", body: "x" })).status).toBe(403);
      const brief = await on.store.signDownload({ ...leave, expiresMs: Date.now() + 1_000 });
      await sleep(1_100);
      expect((await on.send(brief)).status).toBeGreaterThanOrEqual(400);
    });
  });
}
