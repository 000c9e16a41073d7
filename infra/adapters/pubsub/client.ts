import { type ClientConfig, PubSub, v1 } from "@google-cloud/pubsub";

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
export const GRPC = { alreadyExists: 6 } as const;

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
