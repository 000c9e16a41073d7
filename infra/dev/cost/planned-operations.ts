import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { priceOf } from "../../../shared/sagas/price.ts";
import type { Operations } from "./operations.ts";

/** The message that tells of its end, published and delivered. */
const END_MESSAGE_BYTES = 2_000;

/**
 * What an intent takes by its plan alone, on the tiered store: records that its steps change are not in it, because only they know.
 * A commit writes the execution's document and one with its entries; acceptance checks the session; the end is told by one message.
 */
export function plannedOperations(definition: IntentDefinition): Operations {
  const { commits, commands, bytes } = priceOf(definition);
  // Each is a claim, which writes, and a look into the mailbox.
  const resumptions = (commands - commits) / 2;
  return {
    commits,
    // Documents of the execution and of its entries; claims; check of the session; the message.
    documentWrites: 2 * commits + resumptions + 1 + 1,
    documentReads: 2 + 4 * resumptions,
    documentDeletes: 1,
    // Announced and told, as often as it is taken up.
    redisCommands: 2 + 2 * resumptions,
    pubsubBytes: END_MESSAGE_BYTES,
    storedBytes: bytes,
  };
}
