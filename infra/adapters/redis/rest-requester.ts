import type { UpstashRequest, UpstashResponse } from "@upstash/redis";

import { storeUnavailable } from "./connection.ts";
import { createRestPost, type RestOptions } from "./rest-post.ts";

/** Two requests at once keep both sides busy; more of them only carry less each. */
const MAX_IN_FLIGHT = 2;
/** Half of what the smallest plan takes. */
const MAX_BATCH_BYTES = 512 * 1024;

/**
 * Carries the commands of an Upstash client over its REST interface, many in one request.
 *  Q1  At most two requests are in flight.
 *  Q2  Commands of one key reach Redis in the order in which they were given: none travels while one of the same key is
 *      unanswered, unless behind it in the same request.
 *  Q3  A request that got no answer is sent again, as it was, up to three times within five seconds: what it carries must not mind.
 *  Q4  When that was in vain, whatever waits is rejected with it, and the next command tries anew.
 */
export interface RestRequester {
  request<Result = unknown>(request: UpstashRequest): Promise<UpstashResponse<Result>>;
  /** Rejects what comes, and resolves when all that came before is answered. */
  close(): Promise<void>;
}

interface Waiting {
  readonly key: string;
  readonly body: string;
  readonly resolve: (answer: UpstashResponse<never>) => void;
  readonly reject: (reason: unknown) => void;
}

export function createRestRequester(options: RestOptions): RestRequester {
  const post = createRestPost(options);
  let queue: Waiting[] = [];
  const keysInFlight = new Set<string>();
  let inFlight = 0;
  let scheduled = false;
  let closing: PromiseWithResolvers<void> | undefined;

  /** Takes from the queue what may travel now. */
  const nextBatch = (): readonly Waiting[] => {
    const batch: Waiting[] = [];
    const left: Waiting[] = [];
    const keysLeft = new Set<string>();
    let sizeBytes = 0;
    for (const command of queue) {
      const bytes = Buffer.byteLength(command.body);
      const fits = batch.length === 0 || sizeBytes + bytes <= MAX_BATCH_BYTES;
      if (fits && !keysInFlight.has(command.key) && !keysLeft.has(command.key)) {
        batch.push(command);
        sizeBytes += bytes;
      } else {
        left.push(command);
        keysLeft.add(command.key);
      }
    }
    queue = left;
    return batch;
  };

  const carry = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const answers = await post.send(`[${batch.map(({ body }) => body).join(",")}]`);
      if (answers.length !== batch.length) throw storeUnavailable(new Error("the answers are not those asked for"));
      batch.forEach(({ resolve }, at) => resolve(answers[at] as UpstashResponse<never>));
    } catch (error) {
      const lost = [...batch, ...queue];
      queue = [];
      for (const { reject } of lost) reject(error);
    }
  };

  const flush = (): void => {
    scheduled = false;
    while (inFlight < MAX_IN_FLIGHT) {
      const batch = nextBatch();
      if (batch.length === 0) break;
      const keys = new Set(batch.map(({ key }) => key));
      for (const key of keys) keysInFlight.add(key);
      inFlight += 1;
      void carry(batch).finally(() => {
        for (const key of keys) keysInFlight.delete(key);
        inFlight -= 1;
        schedule();
      });
    }
    if (inFlight === 0 && queue.length === 0) closing?.resolve();
  };

  /** After this turn of the event loop, so that all that it asks travels together. */
  const schedule = (): void => {
    if (!scheduled) setImmediate(flush);
    scheduled = true;
  };

  return {
    request: <Result>({ body }: UpstashRequest) => {
      if (closing !== undefined) return Promise.reject(storeUnavailable(new Error("the store was closed")));
      const { promise, resolve, reject } = Promise.withResolvers<UpstashResponse<Result>>();
      queue.push({ key: keyOf(body), body: JSON.stringify(body), resolve, reject });
      schedule();
      return promise;
    },
    close: async () => {
      closing ??= Promise.withResolvers();
      schedule();
      await closing.promise;
      post.close();
    },
  };
}

/** The first key of a command; a script names it after its hash and the number of its keys. */
function keyOf(body: unknown): string {
  const [name, first, , key] = body as readonly unknown[];
  return String(/^eval/i.test(String(name)) ? key : first);
}
