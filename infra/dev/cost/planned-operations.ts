import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { priceOf } from "../../../shared/sagas/price.ts";
import type { Operations } from "./operations.ts";

/** The message that tells of its end, published and delivered. */
const END_MESSAGE_BYTES = 2_000;

/**
 * What an intent takes by its plan alone, on the tiered store: records that its steps change are not in it, because only they know.
 * A commit writes the execution's document and its entries; acceptance checks the session; the end is told by one message.
 */
export function plannedOperations(definition: IntentDefinition): Operations {
  const { commits, commands, logEntries, bytes } = priceOf(definition);
  return {
    commits,
    // Document of the execution, entries; check of the session; message, written and marked.
    documentWrites: commits + logEntries + 1 + 2,
    documentReads: 2 + 2 * (commands - commits),
    documentDeletes: 1,
    redisCommands: 2 * commands,
    pubsubBytes: END_MESSAGE_BYTES,
    storedBytes: bytes,
  };
}
