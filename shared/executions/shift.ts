import * as z from "zod";

import { type Clock, rfc3339 } from "../clock.ts";
import type { Ids } from "../ids.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ExecutionRef } from "../ports/execution-store.ts";
import type { BusMessage, MessageBus } from "../ports/message-bus.ts";
import { intentTopic } from "../state/topics.ts";

/** When this process may work. */
export interface Shift {
  /** When what begins now must have ended, in epoch milliseconds; undefined where there is no end. */
  endsMs(): number | undefined;
  /** Tells an intent's own function that an execution waits for it. Absent where the process goes on by itself. */
  readonly handOn?: (ref: ExecutionRef, intentType: string) => void;
  /** As `handOn`, at a time. Absent where nobody can tell it then: a sweep finds what is due. */
  readonly wakeAt?: (ref: ExecutionRef, intentType: string, atMs: number) => void;
}

/** The shift of a server, which works from its start to its stop. */
export const ALWAYS: Shift = { endsMs: () => undefined };

/** Timers further off are left to the sweep: a timed message is for 30 days at the most. */
const TIMER_HORIZON_MS = 29 * 86_400_000;

/** The type of the event that hands an execution on. */
export const HANDED_ON = "symphainy.execution_handed_on";

export const handedOnSchema = z.object({ tenant_id: z.string().min(1), execution_id: z.string().min(1) });
export type HandedOn = z.infer<typeof handedOnSchema>;

/**
 * The shift of a function's instance: it works while a request is open, because its processor stands still between requests.
 *  F1  A step begins only while a request is open that is long enough for it; the rest is handed on between two steps.
 *  F2  Handing on is a hint, and so is what wakes it on time: whoever comes first takes the execution up, and what the hint missed a
 *      sweep finds.
 */
export interface FunctionShift extends Shift {
  /** A request came that may stay open until `untilMs`. */
  open(untilMs: number): Visit;
  /** How many requests are open. */
  readonly visits: number;
  /** Resolves when every hint is out, or has failed. */
  hintsOut(): Promise<void>;
}

export interface Visit {
  readonly untilMs: number;
  close(): void;
}

export interface FunctionShiftDeps {
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Whether this function runs steps at all: the runtime API accepts and hands on. */
  readonly runsSteps: boolean;
}

export function createFunctionShift({ bus, clock, ids, logger, runsSteps }: FunctionShiftDeps): FunctionShift {
  const visits = new Set<Visit>();
  const hints = new Set<Promise<void>>();

  const hintOf = ({ tenantId, executionId }: ExecutionRef, intentType: string): BusMessage => {
    const data: HandedOn = { tenant_id: tenantId, execution_id: executionId };
    const id = ids.event();
    const time = rfc3339(clock.now());
    const event = { specversion: "1.0", id, type: HANDED_ON, source: "/executions", subject: executionId, time, data };
    return {
      topic: intentTopic(intentType),
      orderingKey: executionId,
      id,
      attributes: { "content-type": "application/cloudevents+json", ce_type: HANDED_ON },
      data: JSON.stringify(event),
    };
  };
  /** Sends a hint; `failure` is logged where it cannot be sent. */
  const send = (ref: ExecutionRef, sending: Promise<void>, failure: string): void => {
    const sent = sending
      .catch((error: unknown) => {
        const { tenantId: tenant_id, executionId: execution_id } = ref;
        logger.warn(failure, { tenant_id, execution_id, ...errorFields(error) });
      })
      .finally(() => hints.delete(sent));
    hints.add(sent);
  };

  return {
    get visits() {
      return visits.size;
    },
    open: (untilMs) => {
      const visit: Visit = { untilMs, close: () => void visits.delete(visit) };
      visits.add(visit);
      return visit;
    },
    endsMs: () => (runsSteps ? Math.max(Number.NEGATIVE_INFINITY, ...[...visits].map(({ untilMs }) => untilMs)) : 0),
    handOn: (ref, intentType) =>
      send(
        ref,
        bus.publish(hintOf(ref, intentType)),
        "an execution was handed on without a word; the sweep will find it",
      ),
    ...(bus.publishAt === undefined
      ? {}
      : {
          wakeAt: (ref, intentType, atMs) => {
            if (atMs - clock.now() > TIMER_HORIZON_MS) return;
            const timed = bus.publishAt?.(hintOf(ref, intentType), atMs, `${ref.executionId}/${atMs}`);
            if (timed !== undefined) send(ref, timed, "an execution waits without a timer; the sweep will wake it");
          },
        }),
    hintsOut: async () => {
      await Promise.all(hints);
    },
  };
}
