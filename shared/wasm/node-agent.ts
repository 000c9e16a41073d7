import type { Clock } from "../clock.ts";
import { errorFields, type Logger } from "../logger.ts";

/** What a node says of itself: `draining` takes nothing new, `gone` is its last word. */
export type NodeState = "serving" | "draining" | "gone";

const TRY_AGAIN_AFTER_MS = 1_000;

/** Tells the control side that this node lives, until it says that it is gone. */
export interface NodeAgent {
  /** Says a last time how it is; the heartbeat goes on until it is gone. */
  tell(state: Exclude<NodeState, "serving">): Promise<void>;
}

export interface NodeAgentDeps {
  readonly announce: (state: NodeState) => Promise<void>;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function startNodeAgent({ announce, everyMs, clock, logger }: NodeAgentDeps): NodeAgent {
  const gone = new AbortController();
  let state: NodeState = "serving";

  /** Resolves to how long to rest after it. */
  const beat = async (): Promise<number> => {
    try {
      await announce(state);
      return everyMs;
    } catch (error) {
      logger.warn("the control side does not take the heartbeat", errorFields(error));
      return Math.min(everyMs, TRY_AGAIN_AFTER_MS);
    }
  };
  const beating = (async () => {
    while (!gone.signal.aborted) await clock.sleep(await beat(), gone.signal);
  })();

  return {
    tell: async (next) => {
      state = next;
      if (next === "gone") {
        gone.abort();
        // A heartbeat that is under way would be taken for a return.
        await beating;
      }
      await beat();
    },
  };
}
