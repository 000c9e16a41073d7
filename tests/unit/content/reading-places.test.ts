import { describe, expect, it } from "vitest";

import { createReadingPlaces, type ReadingPlaces } from "../../../functions/content/parsing/reading-places.ts";

/** Reads on places, told by names: who has begun, in order, and how to end them. */
function readings(places: ReadingPlaces) {
  const begun: string[] = [];
  const open = new Map<string, Disposable>();
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    begun,
    settle,
    come: (name: string, signal?: AbortSignal) => {
      const enter = async (): Promise<void> => {
        const place = await places.enter(name.charAt(0), Number(name.slice(2) || 1), signal);
        begun.push(name);
        open.set(name, place);
      };
      const entered = enter();
      entered.catch(() => undefined);
      return entered;
    },
    end: async (name: string) => {
      open.get(name)?.[Symbol.dispose]();
      await settle();
    },
  };
}

describe("reading places", () => {
  it("P1: no more than there is, and of a tenant no more than half of it, but for one file", async () => {
    const on = readings(createReadingPlaces(2));
    for (const name of ["a1", "a2", "b1", "c1"]) void on.come(name);
    await on.settle();
    expect(on.begun).toEqual(["a1", "b1"]);
    await on.end("b1");
    expect(on.begun).toEqual(["a1", "b1", "c1"]);
    await on.end("c1");
    expect(on.begun).toEqual(["a1", "b1", "c1"]);
    await on.end("a1");
    expect(on.begun.at(-1)).toBe("a2");
  });

  it("P1: small ones side by side, a large one alone where it takes all; a larger one as if it took all", async () => {
    const on = readings(createReadingPlaces(10));
    for (const name of ["a12", "a22", "a32", "b16", "c199"]) void on.come(name);
    await on.settle();
    // Of tenant a 4 of 10, of b 6: the third of a waits, and c's, which is taken for 10.
    expect(on.begun).toEqual(["a12", "a22", "b16"]);
    await on.end("b16");
    expect(on.begun).toEqual(["a12", "a22", "b16"]);
    await on.end("a12");
    await on.end("a22");
    expect(on.begun).toEqual(["a12", "a22", "b16", "c199"]);
    await on.end("c199");
    expect(on.begun.at(-1)).toBe("a32");
  });

  it("P2: tenants in turns, however many files one of them has sent before", async () => {
    const on = readings(createReadingPlaces(1));
    for (const name of ["a1", "a2", "a3", "b1", "c1", "b2"]) void on.come(name);
    await on.settle();
    for (const name of ["a1", "b1", "c1", "a2", "b2"]) await on.end(name);
    expect(on.begun).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  it("P3: who gives up waiting takes no place, and one that is left twice is left once", async () => {
    const on = readings(createReadingPlaces(1));
    const reason = new Error("over");
    const gone = new AbortController();
    void on.come("a1");
    const waiting = on.come("b1", gone.signal);
    void on.come("b2");
    gone.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(on.come("c1", gone.signal)).rejects.toBe(reason);
    await on.end("a1");
    await on.end("a1");
    void on.come("c2");
    await on.settle();
    expect(on.begun).toEqual(["a1", "b2"]);
    await on.end("b2");
    expect(on.begun).toEqual(["a1", "b2", "c2"]);
  });
});
