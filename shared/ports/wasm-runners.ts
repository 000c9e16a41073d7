import type { GuestPool } from "./wasm-runtime.ts";

/** Pools of guests in other processes, by their addresses. */
export interface Runners {
  /** Connects when it is first used; to one address there is one pool. */
  at(url: string): Pick<GuestPool, "admit" | "invoke">;
  /** Gives up what is under way at an address, as `node_lost`. */
  abandon(url: string): void;
  close(): Promise<void>;
}
