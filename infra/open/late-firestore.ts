import type { FirestoreChoice } from "../../shared/config-choices.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { Listen } from "../../shared/store-clock.ts";
import { late, onFirstUse } from "./on-first-use.ts";

type Calls = Required<Omit<ExecutionStore, "keeping" | "carry">>;

const CALLS: Readonly<Record<keyof Calls, true>> = {
  accept: true,
  claim: true,
  commit: true,
  write: true,
  readExecution: true,
  listExecutions: true,
  readLog: true,
  readRecord: true,
  listRecords: true,
  unpublished: true,
  markPublished: true,
  readMail: true,
  beat: true,
  retire: true,
  due: true,
  abandoned: true,
  purge: true,
  prolong: true,
  ping: true,
  close: true,
};

/** The store on Firestore, whose client is loaded by the first call: a gRPC client is a sixth of a start, and health needs none. */
export function lateFirestore(choice: FirestoreChoice, listen: Listen): ExecutionStore {
  const store = late(async () => {
    const { createFirestoreStore } = await import("../adapters/firestore/execution-store.ts");
    return createFirestoreStore({ ...choice, listen });
  });
  return {
    ...onFirstUse<Calls>(CALLS, () => store.open()),
    keeping: {
      tenants: async () => (await store.open()).keeping.tenants(),
      forget: async (tenantId, executionId) => (await store.open()).keeping.forget(tenantId, executionId),
    },
  };
}
