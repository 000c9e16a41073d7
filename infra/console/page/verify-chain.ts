import type { LogEntry } from "../../../shared/client/wire-types.ts";

/** The first fault of a chain; undefined when every hash holds. */
export interface ChainFault {
  readonly sequence: number;
  readonly fault: "its hash is not that of its content" | "it does not follow the entry before it";
}

/**
 * Checks the chain of one execution here, from its first entry on, without believing the runtime: the hash of an entry is SHA-256 over
 * its JSON text without its last member, `hash` (ADR 0002).
 */
export async function verifyChain(entries: readonly LogEntry[]): Promise<ChainFault | undefined> {
  let previous = "0".repeat(64);
  for (const [index, { hash, ...unsealed }] of entries.entries()) {
    const sequence = index + 1;
    if (unsealed.sequence !== sequence || unsealed.previous_hash !== previous)
      return { sequence, fault: "it does not follow the entry before it" };
    if ((await sha256(JSON.stringify(unsealed))) !== hash)
      return { sequence, fault: "its hash is not that of its content" };
    previous = hash;
  }
  return undefined;
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
