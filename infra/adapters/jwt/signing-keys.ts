import { createLocalJWKSet, errors, type JWTVerifyGetKey, type LocalJWKSet } from "jose";

import type { Clock } from "../../../shared/clock.ts";
import { durationMs } from "../../../shared/duration.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";
import type { KeySource } from "./key-source.ts";

/** Older keys are fetched anew beside the request that they still serve. */
const FRESH_MS = durationMs("10m");
/** A token with an unknown key id, which anybody can make, asks the issuer no more often than this. */
const COOL_DOWN_MS = durationMs("30s");
/** After the first failure, doubled by each further one. */
const FIRST_BACK_OFF_MS = 500;
const LONGEST_BACK_OFF_MS = durationMs("60s");

export interface SigningKeysDeps {
  readonly source: KeySource;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

/**
 * The issuer's keys, kept.
 *  K1  Keys that are known stay usable while the issuer is away.
 *  K2  A key id that is not known is looked for at the issuer, at most once in a cool-down: a rotation needs no restart.
 *  K3  Without the issuer's word a token is not called bad: `auth.issuer_unavailable` (503, retryable).
 *  K4  An issuer that is away is asked by one fetch at a time, ever more rarely up to once a minute.
 */
export function createSigningKeys({ source, clock, logger }: SigningKeysDeps): JWTVerifyGetKey {
  let known: { readonly keys: LocalJWKSet; readonly sinceMs: number } | undefined;
  let failures = 0;
  let notBeforeMs = 0;
  let loading: Promise<boolean> | undefined;

  const load = async (): Promise<boolean> => {
    try {
      known = { keys: createLocalJWKSet(await source.load()), sinceMs: clock.now() };
      failures = 0;
      return true;
    } catch (error) {
      const backOffMs = Math.min(FIRST_BACK_OFF_MS * 2 ** failures, LONGEST_BACK_OFF_MS);
      failures += 1;
      notBeforeMs = clock.now() + backOffMs;
      logger.warn("the identity provider's keys cannot be had", { again_in_ms: backOffMs, ...errorFields(error) });
      return false;
    } finally {
      loading = undefined;
    }
  };
  /** Whether the keys are as new as they can be; false in a back-off, too. */
  const refresh = (): Promise<boolean> => {
    if (loading === undefined && failures > 0 && clock.now() < notBeforeMs) return Promise.resolve(false);
    return (loading ??= load());
  };

  return async (header, token) => {
    if (known === undefined && !(await refresh())) throw unavailable();
    if (known === undefined) throw unavailable();
    const ageMs = clock.now() - known.sinceMs;
    if (ageMs > FRESH_MS) void refresh();
    try {
      return await known.keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (ageMs < COOL_DOWN_MS) throw error;
      if (!(await refresh())) throw unavailable();
      return known.keys(header, token);
    }
  };
}

function unavailable(): RuntimeError {
  return new RuntimeError(
    "auth.issuer_unavailable",
    "The identity provider's keys cannot be had right now, so the token cannot be judged.",
    { status: 503, retryable: true },
  );
}
