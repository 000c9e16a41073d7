import { type ClientConfig, PubSub, v1 } from "@google-cloud/pubsub";

import { RuntimeError } from "../../../shared/errors.ts";

export interface PubsubOptions {
  readonly projectId: string;
  /** `host:port` of an emulator; absent means Google's own service. */
  readonly emulatorHost?: string | undefined;
}

/** gRPC's own pauses grow to two minutes, which is how long it would not notice that the service is back. */
const RECONNECT = { "grpc.initial_reconnect_backoff_ms": 100, "grpc.max_reconnect_backoff_ms": 1_000 };

/** One attempt within the time: who calls decides whether to try again. */
export function within(timeoutMs: number): { readonly timeout: number; readonly retry: null } {
  return { timeout: timeoutMs, retry: null };
}

/** What gRPC says of a failure, as far as it makes a difference here. */
export const GRPC = { invalidArgument: 3, notFound: 5, alreadyExists: 6 } as const;

/** The generated clients, without the library's queues: a message is either out or refused, and nothing waits in memory. */
export async function openPublisher(options: PubsubOptions): Promise<v1.PublisherClient> {
  return new v1.PublisherClient({ ...(await clientConfig(options)), ...RECONNECT });
}

export async function openSubscriber(options: PubsubOptions): Promise<v1.SubscriberClient> {
  return new v1.SubscriberClient({ ...(await clientConfig(options)), ...RECONNECT });
}

function clientConfig({ projectId, emulatorHost }: PubsubOptions): Promise<ClientConfig> {
  const endpoint = emulatorHost === undefined ? {} : { apiEndpoint: emulatorHost, emulatorMode: true };
  // Away from Google's machines the library would look for their metadata server, emulator or not.
  if (emulatorHost !== undefined) process.env["METADATA_SERVER_DETECTION"] ??= "none";
  return new PubSub({ projectId, ...endpoint }).getClientConfig();
}

export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : undefined;
}

/** `bus.unavailable` (503, retryable), or what Pub/Sub refuses for good: `bus.no_topic`, `bus.bad_message`. */
export function busError(topic: string, cause: unknown): RuntimeError {
  switch (statusOf(cause)) {
    case GRPC.notFound:
      return new RuntimeError("bus.no_topic", `Pub/Sub has no topic ${topic}; set the topics up first.`, {
        status: 503,
        retryable: true,
        cause,
      });
    case GRPC.invalidArgument:
      return new RuntimeError("bus.bad_message", `Pub/Sub does not take this message for ${topic}.`, { cause });
    default:
      return new RuntimeError("bus.unavailable", "Pub/Sub did not take the message in time.", {
        status: 503,
        retryable: true,
        cause,
      });
  }
}
