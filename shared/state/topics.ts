import { EVENTS_TOPIC } from "./cloud-event.ts";

/** Where an intent's producers publish, and where its function is told that an execution was handed on. */
export function intentTopic(intentType: string): string {
  return `symphainy-intents.${intentType}`;
}

/** Where messages end that can never become an execution, each with its reason in its attributes. */
export const DEAD_LETTER_TOPIC = "symphainy-dead-letters";

/**
 * How often Pub/Sub pushes a message before it makes a dead letter of it: as often as it can (ADR 0013). What can never work is
 * buried with its reason at once, so this only ends what fails for no reason of its own.
 */
export const MAX_DELIVERY_ATTEMPTS = 100;

/** Every topic of a build with these intent types. */
export function topicsOf(intentTypes: readonly string[]): readonly string[] {
  return [EVENTS_TOPIC, DEAD_LETTER_TOPIC, ...intentTypes.map(intentTopic)];
}
