import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JsonValue } from "../../../shared/json.ts";
import type { CapabilityCall } from "../../../shared/ports/wasm-capabilities.ts";
import { buildGuest, buildsC } from "../../kit/wasm/build-guest.ts";
import { type GuestScene, openGuestScene, outputOf, reasonOf } from "../../kit/wasm/guest-scene.ts";

const PAGE = join(import.meta.dirname, "../../../shared/wasm/first-module.md");
const page = await readFile(PAGE, "utf8");
const hasC = await buildsC();
const NO_C = "SKIPPED, it needs clang, lld, wasi-libc and libclang-rt-dev-wasm32, which this machine does not have: ";

/** The program of that name on the page. */
function program(name: string): string {
  const found = new RegExp(`^\`\`\`\\w+ ${name}\n([^]*?)^\`\`\``, "m").exec(page)?.[1];
  if (found === undefined) throw new Error(`The page has no program ${name}.`);
  return found;
}

let scene: GuestScene;
beforeAll(async () => {
  scene = await openGuestScene(2);
});
afterAll(() => scene.pool.close());

async function deploy(name: string): Promise<string> {
  return scene.deploy(await buildGuest(name, program(name)));
}

describe("write your first module", () => {
  it.skipIf(!hasC)(`${hasC ? "" : NO_C}a command in C counts words, and its stderr is the log`, async () => {
    const outcome = await scene.invoke(await deploy("words.c"), "to be or not to be");
    expect(outputOf(outcome)).toBe('{"words":6}');
    expect(outcome.report.log).toBe("counted\n");
  });

  it.skipIf(!hasC)(`${hasC ? "" : NO_C}a command in C that ends with a code, aborts, or looks for files`, async () => {
    const source = `
      #include <stdio.h>
      #include <stdlib.h>
      int main(void) {
        switch (getchar()) {
          case '1': return 3;
          case '2': abort();
          case '3': return fopen("/etc/passwd", "r") ? 1 : 0;
          case '4': return getenv("PATH") || getenv("HOME") ? 1 : 0;
        }
        return 1;
      }`;
    const digest = await scene.deploy(await buildGuest("ends.c", source));
    const ends = await Promise.all([1, 2, 3, 4].map((input) => scene.invoke(digest, input)));
    expect(ends.map(reasonOf)).toEqual(["exit_code", "trap", "returned", "returned"]);
  });

  it("a reactor in AssemblyScript counts words", async () => {
    expect(outputOf(await scene.invoke(await deploy("words.ts"), "to be or not to be"))).toBe('{"words":6}');
  });

  it("a reactor in AssemblyScript counts its visits by the kv capability; without it, it crashes and says why", async () => {
    const digest = await deploy("visits.ts");
    const stored = new Map<string, JsonValue>();
    const onCall = ({ operation, params }: CapabilityCall) => {
      const key = String(params["key"]);
      if (operation === "set") stored.set(key, params["value"] ?? null);
      return Promise.resolve({ outcome: "result" as const, result: stored.get(key) ?? null });
    };
    const visits = [];
    for (let visit = 1; visit <= 3; visit += 1) visits.push(outputOf(await scene.invoke(digest, null, { onCall })));
    expect(visits).toEqual(['{"visits":1}', '{"visits":2}', '{"visits":3}']);
    const denied = await scene.invoke(digest, null);
    expect(reasonOf(denied)).toBe("trap");
    expect(denied.report.log).toContain("[host] get: There is none.");
    expect(denied.report.log).toContain("an assertion failed");
  });

  it("the smallest reactor, in text, gives back what it is given", async () => {
    expect(outputOf(await scene.invoke(await deploy("echo.wat"), { a: [1, "ä"] }))).toBe('{"a":[1,"ä"]}');
  });
});
