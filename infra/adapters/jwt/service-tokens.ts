import { decodeJwt } from "jose";

import type { Clock } from "../../../shared/clock.ts";
import { durationMs } from "../../../shared/duration.ts";
import { RuntimeError } from "../../../shared/errors.ts";

/** Where Google's machines learn who they are. Source: https://cloud.google.com/run/docs/container-contract#metadata-server */
const METADATA = "http://metadata.google.internal";
const IDENTITY_PATH = "/computeMetadata/v1/instance/service-accounts/default/identity";
const TIMEOUT_MS = 5_000;
/** A token is asked for anew when it has no more than this left. */
const MARGIN_MS = durationMs("5m");

/** The token by which this process proves to an audience which service account it is. */
export type ServiceTokens = (audience: string) => Promise<string>;

export interface ServiceTokensDeps {
  readonly clock: Pick<Clock, "now">;
  /** Default: Google's own. */
  readonly metadataUrl?: string;
}

/** 0 for a token that was not given: it is asked for again. */
async function expiryOf(token: Promise<string>): Promise<number> {
  try {
    return (decodeJwt(await token).exp ?? 0) * 1_000;
  } catch {
    return 0;
  }
}

/** One token for each audience, kept for its life. Throws `auth.no_service_token` (503, retryable) when it cannot be had. */
export function createServiceTokens({ clock, metadataUrl = METADATA }: ServiceTokensDeps): ServiceTokens {
  const kept = new Map<string, { readonly token: Promise<string>; untilMs: number }>();

  const ask = async (audience: string): Promise<string> => {
    const url = `${metadataUrl}${IDENTITY_PATH}?audience=${encodeURIComponent(audience)}&format=full`;
    try {
      const response = await fetch(url, {
        headers: { "metadata-flavor": "Google" },
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!response.ok) throw new Error(`It answered ${response.status}.`);
      return await response.text();
    } catch (cause) {
      throw new RuntimeError("auth.no_service_token", "The metadata server gives no token of this service account.", {
        status: 503,
        retryable: true,
        cause,
      });
    }
  };

  return (audience) => {
    const known = kept.get(audience);
    if (known !== undefined && clock.now() < known.untilMs) return known.token;
    const token = ask(audience);
    const entry = { token, untilMs: Number.POSITIVE_INFINITY };
    kept.set(audience, entry);
    void expiryOf(token).then((expiresMs) => {
      entry.untilMs = expiresMs - MARGIN_MS;
      return undefined;
    });
    return token;
  };
}
