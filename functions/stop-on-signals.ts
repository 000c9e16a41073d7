import { systemClock } from "../infra/adapters/system/system.ts";
import { errorFields, type Logger } from "../shared/logger.ts";

/** For what comes after the grace period: handing on, publishing, closing. Cloud Run kills ten seconds after SIGTERM. */
const PUT_DOWN_MS = 1_500;

export interface Stoppable {
  readonly logger: Logger;
  /** How long running steps may finish. */
  readonly gracePeriodMs: number;
  /** Ends what goes on, hands the rest on and closes everything. */
  readonly stop: () => Promise<void>;
}

/**
 * On SIGTERM or SIGINT stops, and ends the process within 1.5 s of the grace period, whatever a store does: with 0 when all was handed
 * on, and with 1 when it was not, which others take over once the heartbeat of this process is old.
 */
export function stopOnSignals({ logger, gracePeriodMs, stop }: Stoppable): void {
  const end = async (signal: string): Promise<0 | 1> => {
    logger.info("stopping", { signal, grace_period_ms: gracePeriodMs });
    const late = systemClock.sleep(gracePeriodMs + PUT_DOWN_MS).then(() => "late" as const);
    try {
      if ((await Promise.race([stop(), late])) !== "late") {
        logger.info("stopped");
        return 0;
      }
      logger.error("the stop took too long; others take over what was not handed on", { signal });
    } catch (error) {
      logger.error("the stop failed; others take over what was not handed on", errorFields(error));
    }
    return 1;
  };
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    // functions-framework's own listener ends the process at once, with the step that it is in.
    process.removeAllListeners(name);
    process.once(name, (signal) => void end(signal).then((code) => process.exit(code)));
  }
}
