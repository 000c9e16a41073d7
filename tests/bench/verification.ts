import { createOidcIdentity } from "../../infra/adapters/jwt/oidc-identity.ts";
import { systemClock } from "../../infra/adapters/system/system.ts";
import { createLogger } from "../../shared/logger.ts";
import { AUDIENCE, openIssuer } from "../security/issuer.ts";
import type { Bench, Outcome } from "./part.ts";
import { median } from "./statistics.ts";

const ROUNDS = 7;
const CACHED_CALLS = 20_000;
const logger = createLogger({ clock: systemClock, level: "error", write: (line) => console.error(line) });

/** Part: what it costs to tell who is calling, one call after the other; the keys are at hand. */
export async function verificationPart({ quick, say }: Bench): Promise<Outcome> {
  const tokens = quick ? 50 : 500;
  const figures = new Map<string, { readonly freshUs: number; readonly cachedUs: number }>();
  for (const algorithm of ["ES256", "RS256"]) {
    say(`${ROUNDS} rounds of ${tokens} tokens of ${algorithm}`);
    figures.set(algorithm, await measure(algorithm, tokens));
  }
  const us = (value: number) => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} µs`;
  return {
    rows: [...figures].map(([algorithm, { freshUs, cachedUs }]) => ({
      figure: `verifying a bearer token of ${algorithm} that was not seen before`,
      measured: us(freshUs),
      beside: `${us(cachedUs)} the next times, for up to five minutes`,
    })),
    figures: Object.fromEntries(figures),
  };
}

async function measure(algorithm: string, count: number) {
  await using issuer = await openIssuer(algorithm);
  const identity = createOidcIdentity(
    {
      issuer: issuer.url,
      audience: AUDIENCE,
      jwksUrl: undefined,
      algorithms: [algorithm],
      tenantClaim: "app_metadata.tenant_id",
      rolesClaim: "app_metadata.roles",
    },
    { clock: systemClock, logger },
  );
  const sign = (sub: string) => issuer.sign({ sub, app_metadata: { tenant_id: "acme", roles: ["operator"] } });
  const verify = async (token: string) => {
    if ((await identity.verify(token)) === undefined) throw new Error("A good token was refused.");
  };
  const fresh: number[] = [];
  const cached: number[] = [];
  const warm = await sign("warm");
  await verify(warm);
  for (let round = 0; round < ROUNDS; round += 1) {
    const tokens = await Promise.all(Array.from({ length: count }, (_, each) => sign(`user-${round}-${each}`)));
    const startedMs = performance.now();
    for (const token of tokens) await verify(token);
    fresh.push(((performance.now() - startedMs) / count) * 1_000);

    const again = tokens.at(-1) ?? warm;
    const againMs = performance.now();
    for (let call = 0; call < CACHED_CALLS; call += 1) await verify(again);
    cached.push(((performance.now() - againMs) / CACHED_CALLS) * 1_000);
  }
  return { freshUs: median(fresh), cachedUs: median(cached) };
}
