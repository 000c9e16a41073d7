import { RuntimeError } from "../errors.ts";

/** What a refused sender may still have on the way is read to this much, so that it hears the answer; then it is cut off. */
const MAX_DRAINED_BYTES = 16 * 1024 * 1024;

/** A request's body as it comes, for those who take it in piece by piece. */
export interface RequestBytes {
  /** Throws `request.broken_off` (400) when the sender goes away before the end. May be iterated once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Reads what was not read, up to a limit, and throws it away. */
  drain(): Promise<void>;
}

export function requestBytes({ body, signal }: Request): RequestBytes {
  // By its reader: leaving an iteration early would cancel the body, and with it the connection that the answer needs.
  const reader = (body as ReadableStream<Uint8Array> | null)?.getReader();
  const cancel = (): void => void reader?.cancel().catch(() => undefined);
  if (signal.aborted) cancel();
  else signal.addEventListener("abort", cancel, { once: true });

  const read = async (): Promise<Uint8Array | undefined> => {
    const next = await reader?.read();
    return next?.done === false ? next.value : undefined;
  };

  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let chunk = await read(); chunk !== undefined; chunk = await read()) yield chunk;
    } catch (cause) {
      throw brokenOff(cause);
    }
    if (signal.aborted) throw brokenOff(signal.reason);
  }

  return {
    chunks: chunks(),
    drain: async () => {
      let drainedBytes = 0;
      try {
        for (let chunk = await read(); chunk !== undefined && drainedBytes < MAX_DRAINED_BYTES; chunk = await read()) {
          drainedBytes += chunk.length;
        }
      } catch {
        // Nobody is there any more to hear the answer.
      }
    },
  };
}

function brokenOff(cause: unknown): RuntimeError {
  return new RuntimeError("request.broken_off", "The request ended before its body did.", { status: 400, cause });
}
