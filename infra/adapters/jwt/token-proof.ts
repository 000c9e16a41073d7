import { errors, jwtVerify, type JWTVerifyGetKey } from "jose";
import * as z from "zod";

import type { Clock } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";

/** How far the issuer's clock and this one may be apart. */
const MAX_SKEW_SECONDS = 30;

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** Asymmetric ones only: with a symmetric one the public key would sign. */
  readonly algorithms: readonly string[];
}

export interface TokenProofDeps {
  readonly keys: JWTVerifyGetKey;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

const claimsSchema = z.looseObject({ exp: z.number() });
export type Claims = z.infer<typeof claimsSchema>;

/** The claims of a token that is signed by the issuer's key, for this audience, and not expired; else undefined. */
export type ProveToken = (token: string) => Promise<Claims | undefined>;

export function createTokenProof(
  { issuer, audience, algorithms }: TokenRules,
  { keys, clock, logger }: TokenProofDeps,
): ProveToken {
  const options = {
    issuer,
    audience,
    algorithms: [...algorithms],
    requiredClaims: ["exp"],
    clockTolerance: MAX_SKEW_SECONDS,
  };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, { ...options, currentDate: new Date(clock.now()) });
      return claimsSchema.parse(payload);
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      if (error instanceof RuntimeError) throw error;
      // A key that Node or jose refuses, such as an RSA key that is too short: nothing that it signs is to be believed.
      logger.warn("a token could not be checked", errorFields(error));
      return undefined;
    }
  };
}
