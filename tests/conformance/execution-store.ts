import { describe } from "vitest";

import { describeAccept } from "./execution-store/accept.ts";
import { describeClaim } from "./execution-store/claim.ts";
import { describeCommit } from "./execution-store/commit.ts";
import { describeExecutions } from "./execution-store/executions.ts";
import { describeIsolation } from "./execution-store/isolation.ts";
import { describeKeeping } from "./execution-store/keeping.ts";
import { describeLog } from "./execution-store/log.ts";
import { describeMail } from "./execution-store/mail.ts";
import { describeOutbox } from "./execution-store/outbox.ts";
import { describeReach } from "./execution-store/reach.ts";
import { describeRecords } from "./execution-store/records.ts";
import type { OpenStore } from "./execution-store/scenario.ts";

/**
 * The tests that every ExecutionStore passes, named after the invariants of `shared/ports/execution-store.ts`.
 * `open` gives an empty store each time; `close` must also work when the store was closed already.
 */
export function describeExecutionStore(name: string, open: OpenStore): void {
  describe(name, () => {
    describeAccept(open);
    describeClaim(open);
    describeCommit(open);
    describeRecords(open);
    describeLog(open);
    describeExecutions(open);
    describeOutbox(open);
    describeMail(open);
    describeIsolation(open);
    describeKeeping(open);
    describeReach(open);
  });
}
