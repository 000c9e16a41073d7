import { randomUUID } from "node:crypto";

import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { bundledFirestore } from "../kit/bundled-firestore.ts";
import { sharedFirestore } from "../kit/parts.ts";
import { begin, type Scenario } from "./execution-store/scenario.ts";

const { createFirestoreStore, setLogFunction } = await bundledFirestore();
/** Hears what the client of these stores says. */
export { setLogFunction };

/** Where an emulator, or a way to it, listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The emulator that all tests share. */
export async function sharedAddress(): Promise<Address> {
  const [host = "", port = ""] = (await sharedFirestore()).split(":");
  return { host, port: Number(port) };
}

export function openStore({ host, port }: Address, projectId: string): ExecutionStore {
  return createFirestoreStore({ projectId, emulatorHost: `${host}:${port}` });
}

/** A scenario in a database of its own, unless a project is named. */
export function openOn(address: Address, projectId: string = `test-${randomUUID()}`): Promise<Scenario> {
  return begin(() => {
    const store = openStore(address, projectId);
    return Promise.resolve({ store, close: () => store.close() });
  });
}

/** What a call came to, and how long it took. */
export async function timed(name: string, call: () => Promise<unknown>) {
  const startedMs = performance.now();
  const outcome = await call().then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  return { name, tookMs: performance.now() - startedMs, ...outcome };
}
