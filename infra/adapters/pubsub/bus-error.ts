import { RuntimeError } from "../../../shared/errors.ts";

/**
 * What a failed call is, by the HTTP status of its answer, if there was one: `bus.unavailable` (503, retryable), or what Pub/Sub
 * refuses for good: `bus.no_topic`, `bus.bad_message`.
 */
export function busError(topic: string, status: number | undefined, cause: unknown): RuntimeError {
  switch (status) {
    case 404:
      return new RuntimeError("bus.no_topic", `Pub/Sub has no topic ${topic}; set the topics up first.`, {
        status: 503,
        retryable: true,
        cause,
      });
    case 400:
      return new RuntimeError("bus.bad_message", `Pub/Sub does not take this message for ${topic}.`, { cause });
    default:
      return new RuntimeError("bus.unavailable", "Pub/Sub did not take the message in time.", {
        status: 503,
        retryable: true,
        cause,
      });
  }
}
