import { RuntimeError } from "../../shared/errors.ts";

/**
 * Tells when the token expired, which its holder can see and a runtime does not say. Any other error as it is.
 * The token is only read here; whether it is good is the runtime's to say, and it said no.
 */
export async function explainExpiry(error: unknown, token: string, nowMs: number): Promise<never> {
  if (!(error instanceof RuntimeError) || error.code !== "auth.bad_token") throw error;
  const expiredMs = await expiryMsOf(token);
  if (expiredMs === undefined || expiredMs > nowMs) throw error;
  throw new RuntimeError(
    error.code,
    `It expired at ${new Date(expiredMs).toISOString()}: the token is no longer valid.`,
    {
      status: error.status,
      cause: error,
    },
  );
}

/** Undefined for what is no JWT, or one that never expires. */
async function expiryMsOf(token: string): Promise<number | undefined> {
  const { decodeJwt } = await import("jose");
  try {
    const { exp } = decodeJwt(token);
    return exp === undefined ? undefined : exp * 1_000;
  } catch {
    return undefined;
  }
}
