import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";

/** What the client needs of the program that it runs in; tests bring their own. */
export interface ClientHost {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
}

/** The host's own, the same in browsers, Node and workers: nothing here is of Node alone. */
export function ambientHost(): ClientHost {
  return {
    // Called as a plain function: browsers refuse a fetch whose `this` is some object.
    fetch: (input, init) => fetch(input, init),
    clock: { now: () => Date.now(), sleep },
    random: { uuid, fraction: () => Math.random() },
  };
}

function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal?.addEventListener("abort", done);
  });
}

/** crypto.randomUUID exists in secure contexts only, and a page served over plain HTTP is none. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
