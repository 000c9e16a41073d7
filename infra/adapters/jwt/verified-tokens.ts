import type { Principal } from "../../../shared/ports/token-verifier.ts";

/** Principals of tokens that were verified, by the token's text, until they expire. */
export interface VerifiedTokens {
  get(token: string): Principal | undefined;
  put(token: string, principal: Principal, expiresMs: number): void;
}

/** Keeps at most `limit` tokens; the one that was verified longest ago goes first. Only good tokens may be put. */
export function createVerifiedTokens(now: () => number, limit = 1_000): VerifiedTokens {
  const known = new Map<string, { readonly principal: Principal; readonly expiresMs: number }>();
  return {
    get: (token) => {
      const found = known.get(token);
      if (found === undefined || found.expiresMs > now()) return found?.principal;
      known.delete(token);
      return undefined;
    },
    put: (token, principal, expiresMs) => {
      if (known.size >= limit) {
        for (const oldest of known.keys()) {
          known.delete(oldest);
          break;
        }
      }
      known.set(token, { principal, expiresMs });
    },
  };
}
