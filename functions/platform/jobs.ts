import type { Job } from "../../shared/http/function-app.ts";
import { contractExpiry } from "./contract-expiry.ts";
import { dataCleanUp } from "./data-clean-up.ts";
import { logRetention } from "./log-retention.ts";
import { outboxRelay } from "./outbox-relay.ts";
import { recoverySweep } from "./recovery-sweep.ts";

/** Everything that a scheduler calls. */
export const jobs: readonly Job[] = [contractExpiry, dataCleanUp, logRetention, outboxRelay, recoverySweep];
