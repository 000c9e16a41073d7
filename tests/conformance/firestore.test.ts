import { randomUUID } from "node:crypto";

import { vi } from "vitest";

import { bundledFirestore } from "../kit/bundled-firestore.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import { describeExecutionStore } from "./execution-store.ts";

// The emulator is Java, and slow; the longest of these tests makes thousands of calls.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const { createFirestoreStore } = await bundledFirestore();

withParts(["firestore"], () => {
  describeExecutionStore("firestore", async () => {
    const options = { projectId: `test-${randomUUID()}`, emulatorHost: await sharedFirestore() };
    let store = createFirestoreStore(options);
    return {
      store,
      dropsPublished: true,
      reopen: async () => {
        await store.close();
        store = createFirestoreStore(options);
        return store;
      },
      close: () => store.close(),
    };
  });
});
