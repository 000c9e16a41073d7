import { RuntimeError } from "../errors.ts";
import type { MessageBus } from "../ports/message-bus.ts";
import { DEAD_LETTER_TOPIC } from "../state/topics.ts";
import type { PushedMessage } from "./push-envelope.ts";

/** Pub/Sub's limits: 100 attributes a message (some of them ours), 1,024 bytes a value. */
const MAX_FOREIGN_ATTRIBUTES = 80;
const MAX_VALUE_BYTES = 1_000;

export interface DeadLetters {
  /**
   * Publishes a message to the dead-letter topic as it came, with `code` and `reason` as attributes; resolves once the bus has it.
   * Throws `event.not_buried` (503, retryable) when it may not be there: then the message must come again.
   */
  bury(message: PushedMessage, fault: RuntimeError): Promise<{ readonly code: string; readonly reason: string }>;
}

/** Our own way to the dead letters: Pub/Sub's would know that a message failed, but not why. */
export function createDeadLetters(bus: MessageBus): DeadLetters {
  return {
    bury: async (message, fault) => {
      const { code } = fault;
      const reason = reasonOf(fault);
      const foreign = Object.entries(message.attributes).slice(0, MAX_FOREIGN_ATTRIBUTES);
      const ours = { code, reason, message_id: message.messageId, subscription: cut(message.subscription) };
      const letter = {
        topic: DEAD_LETTER_TOPIC,
        orderingKey: message.messageId,
        id: message.messageId,
        attributes: { ...Object.fromEntries(foreign), ...ours },
        data: "",
        bytes: message.data,
      };
      await bus.publish(letter).catch((cause: unknown) => {
        throw new RuntimeError("event.not_buried", "The dead-letter topic did not take a message.", {
          status: 503,
          retryable: true,
          cause,
        });
      });
      return { code, reason };
    },
  };
}

/** What was wrong, with every fault that the message itself does not tell. */
function reasonOf({ message, faults }: RuntimeError): string {
  const untold = faults.filter((fault) => !message.includes(fault.message));
  return cut([message, ...untold.map((fault) => `${fault.path}: ${fault.message}`)].join(" | "));
}

function cut(text: string): string {
  return Buffer.from(text).subarray(0, MAX_VALUE_BYTES).toString();
}
