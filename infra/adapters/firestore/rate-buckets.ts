import { setTimeout as sleep } from "node:timers/promises";

import { Firestore, Timestamp } from "@google-cloud/firestore";
import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import type { RateBuckets } from "../../../shared/ports/rate-buckets.ts";
import { drawTokens } from "../../../shared/token-bucket.ts";
import type { FirestoreStoreOptions } from "./execution-store.ts";
import { documentName } from "./layout.ts";
import { createReach, statusOf, within } from "./reach.ts";

const MAX_ATTEMPTS = 16;
const FIRST_PAUSE_MS = 4;
const MAX_PAUSE_MS = 250;
const TERMINATE_WITHIN_MS = 2_000;
/** ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED, and NOT_FOUND for a bucket that expired meanwhile; google/rpc/code.proto. */
const LOST: ReadonlySet<unknown> = new Set([5, 6, 9, 10]);

const rowSchema = z.object({ tokens: z.number(), at_ms: z.number() });

/**
 * Buckets in Firestore, each a document that is written on condition that it is as it was read. `expires_at` is for a TTL policy.
 * One document takes about one write a second for long: processes draw many tokens at once.
 * Throws `store.unavailable` and `store.contended` (503, retryable).
 */
export function createFirestoreRateBuckets(options: FirestoreStoreOptions): RateBuckets {
  const { projectId, databaseId, emulatorHost } = options;
  const db = new Firestore({
    projectId,
    ...(databaseId === undefined ? {} : { databaseId }),
    ...(emulatorHost === undefined ? {} : { host: emulatorHost, ssl: false }),
  });
  const reach = createReach();
  let terminated: Promise<void> | undefined;

  const take: RateBuckets["take"] = async (key, request) => {
    const document = db.collection("rate_buckets").doc(documentName(key));
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const found = await reach.call(() => document.get());
      const row = found.exists ? rowSchema.parse(found.data()) : undefined;
      const before = row === undefined ? undefined : { tokens: row.tokens, atMs: row.at_ms };
      const { after, grant } = drawTokens(before, request);
      const expires_at = Timestamp.fromMillis(after.atMs + request.keepMs);
      const data = { tokens: after.tokens, at_ms: after.atMs, expires_at };
      // A refusal takes nothing, so it writes nothing.
      if (grant.granted === 0) return grant;
      const written = await reach.call(async () => {
        try {
          const lastUpdateTime = found.updateTime;
          await (lastUpdateTime === undefined ? document.create(data) : document.update(data, { lastUpdateTime }));
          return true;
        } catch (error) {
          if (LOST.has(statusOf(error))) return false;
          throw error;
        }
      });
      if (written) return grant;
      await sleep(Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt));
    }
    throw new RuntimeError("store.contended", "Others take from the same limit all the time. Try again.", {
      status: 503,
      retryable: true,
    });
  };

  return {
    take: (key, request) => reach.run(() => take(key, request)),
    close: async () => {
      await reach.close();
      terminated ??= within(TERMINATE_WITHIN_MS, db.terminate());
      await terminated;
    },
  };
}
