import type { Storage } from "@google-cloud/storage";

import { notFound, RuntimeError } from "../../../shared/errors.ts";
import type { ByteRange } from "../../../shared/ports/object-store.ts";
import { answered, unavailable, watchWait } from "./outage.ts";

const ATTEMPTS = 3;
const PAUSE_MS = 250;

export interface ObjectToRead {
  readonly bucket: string;
  readonly path: string;
  /** This very version; absent means the newest. */
  readonly generation?: string | number | undefined;
  readonly range?: ByteRange | undefined;
}

/**
 * The bytes of an object as they come, once the store has begun to answer. Throws `object.not_found`, and
 * `object_store.unavailable` also when the stream stands still or ends before the object does.
 *
 * By a request of our own: the client's stream cannot be given up before its answer comes without throwing where nobody
 * can catch it, and warns of leaking listeners at every object above 64 KB.
 */
export async function readObject(storage: Storage, object: ObjectToRead): Promise<AsyncGenerator<Uint8Array>> {
  const over = new AbortController();
  const response = await answered(request(storage, object, over.signal)).catch((error: unknown) => {
    over.abort();
    throw error;
  });
  return chunksOf(response, over);
}

async function request(storage: Storage, object: ObjectToRead, signal: AbortSignal): Promise<Response> {
  const { bucket, path, generation, range } = object;
  const url = new URL(`/storage/v1/b/${bucket}/o/${encodeURIComponent(path)}?alt=media`, storage.apiEndpoint);
  if (generation !== undefined) url.searchParams.set("generation", String(generation));
  for (let attempt = 1; ; attempt += 1) {
    try {
      // As the client does: who answers elsewhere than at Google's address wants no token.
      const headers = storage.customEndpoint ? new Headers() : await storage.authClient.getRequestHeaders(url.href);
      if (range !== undefined) headers.set("range", `bytes=${range.first}-${range.last}`);
      const response = await fetch(url, { headers, signal });
      if (response.ok) return response;
      await response.body?.cancel();
      if (response.status === 404) throw notFound("object", path);
      throw new Error(`The store answered ${response.status}.`);
    } catch (error) {
      if (error instanceof RuntimeError || signal.aborted || attempt === ATTEMPTS) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
  }
}

async function* chunksOf(response: Response, over: AbortController): AsyncGenerator<Uint8Array> {
  const watch = () => watchWait((error) => over.abort(error));
  const expectedBytes = Number(response.headers.get("content-length") ?? 0);
  let seenBytes = 0;
  let waiting = watch();
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      waiting.end();
      seenBytes += chunk.length;
      yield chunk;
      waiting = watch();
    }
  } catch (error) {
    throw unavailable(error);
  } finally {
    waiting.end();
  }
  if (seenBytes < expectedBytes) throw unavailable(new Error(`Only ${seenBytes} of ${expectedBytes} bytes came.`));
}
