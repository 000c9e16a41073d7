import type { ClientHost } from "./host.ts";
import { unreachable } from "./problem-error.ts";

/** How long a runtime that is there may say nothing: on an event stream it says something every second. */
export const SILENCE_MS = 15_000;

/** Awaits what comes over a connection, and ends the connection with `client.unreachable` when nothing has come for so long. */
export async function unlessSilent<Value>(
  host: ClientHost,
  connection: AbortController,
  work: Promise<Value>,
  silenceMs: number = SILENCE_MS,
): Promise<Value> {
  const came = new AbortController();
  const listen = async (): Promise<void> => {
    await host.clock.sleep(silenceMs, came.signal);
    if (!came.signal.aborted) connection.abort(unreachable("the runtime", undefined));
  };
  const silence = listen();
  try {
    return await work;
  } finally {
    came.abort();
    await silence;
  }
}

/** The signal of a connection that also ends when its caller goes. */
export function eitherOf(signal: AbortSignal | undefined, connection: AbortController): AbortSignal {
  return signal === undefined ? connection.signal : AbortSignal.any([signal, connection.signal]);
}
