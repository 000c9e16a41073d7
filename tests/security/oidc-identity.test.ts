import { UnsecuredJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createOidcIdentity, createPushIdentity, type OidcOptions } from "../../infra/adapters/jwt/oidc-identity.ts";
import { createLogger } from "../../shared/logger.ts";
import type { TokenVerifier } from "../../shared/ports/token-verifier.ts";
import { AUDIENCE, type Issuer, openIssuer } from "./issuer.ts";

const MINUTE_MS = 60_000;
let issuer: Issuer;
let aheadMs: number;
let lines: string[];
let identity: TokenVerifier;
const clock = { now: () => Date.now() + aheadMs, sleep: () => Promise.resolve() };
const logger = createLogger({ clock, level: "debug", write: (line) => void lines.push(line) });
const nowSeconds = () => Math.floor(Date.now() / 1_000);

const open = (options: Partial<OidcOptions> = {}): TokenVerifier =>
  createOidcIdentity(
    {
      issuer: issuer.url,
      audience: AUDIENCE,
      jwksUrl: undefined,
      algorithms: ["ES256"],
      tenantClaim: "app_metadata.tenant_id",
      rolesClaim: "app_metadata.roles",
      ...options,
    },
    { clock, logger },
  );
const claims = { sub: "ada", app_metadata: { tenant_id: "acme", roles: ["viewer", "admin"] } };
const ada = { tenantId: "acme", userId: "ada", roles: ["viewer"] };

beforeEach(async () => {
  issuer = await openIssuer();
  aheadMs = 0;
  lines = [];
  identity = open();
});
afterEach(async () => issuer[Symbol.asyncDispose]());

describe("a bearer token", () => {
  it("is believed with tenant, user and known roles from its claims", async () => {
    expect(await identity.verify(await issuer.sign(claims))).toEqual(ada);
    expect(issuer.asked).toEqual(["/.well-known/openid-configuration", "/keys"]);
  });

  it.each(["RS256", "EdDSA", "PS384"])("is believed when signed with %s, where that is allowed", async (algorithm) => {
    await issuer.rotate({ algorithm });
    expect(await open({ algorithms: [algorithm] }).verify(await issuer.sign(claims))).toEqual(ada);
    expect(await open({ algorithms: ["ES256"] }).verify(await issuer.sign(claims))).toBeUndefined();
  });

  it("finds claims whose names have dots, and roles in a text", async () => {
    const verifier = open({ tenantClaim: "https://example.com/tenant", rolesClaim: "scope" });
    const token = await issuer.sign({ "https://example.com/tenant": "acme", scope: "openid operator" });
    expect(await verifier.verify(token)).toEqual({ tenantId: "acme", userId: undefined, roles: ["operator"] });
  });

  it("is refused when it is not for here, not from there, or not now", async () => {
    const good = await issuer.sign(claims);
    const [head, payload, signature = ""] = good.split(".");
    await using stranger = await openIssuer();
    const forged = Buffer.from(JSON.stringify({ ...claims, app_metadata: { tenant_id: "globex" } })).toString(
      "base64url",
    );
    const tokens = {
      expired: await issuer.sign(claims, { expires: nowSeconds() - 31 }),
      "without expiry": await issuer.sign(claims, { expires: null }),
      "not yet valid": await issuer.sign(claims, { notBefore: nowSeconds() + 60 }),
      "of another issuer": await issuer.sign(claims, { issuer: "https://issuer.example" }),
      "for others": await issuer.sign(claims, { audience: "others" }),
      "for nobody": await issuer.sign(claims, { audience: null }),
      "signed by another key": await stranger.sign(claims, { issuer: issuer.url, keyId: "key-1-ES256" }),
      unsigned: new UnsecuredJWT({ ...claims })
        .setIssuer(issuer.url)
        .setAudience(AUDIENCE)
        .setExpirationTime("1h")
        .encode(),
      tampered: `${head}.${forged}.${signature}`,
      "cut short": `${head}.${payload}.${signature.slice(0, -8)}`,
      "no token": "x.y.z",
    };
    for (const [name, token] of Object.entries(tokens)) {
      expect([name, await identity.verify(token)]).toEqual([name, undefined]);
    }
    expect(await identity.verify(good)).toEqual(ada);
  });

  it("may be half a minute off, by the clocks", async () => {
    expect(await identity.verify(await issuer.sign(claims, { expires: nowSeconds() - 25 }))).toEqual(ada);
    expect(await identity.verify(await issuer.sign(claims, { notBefore: nowSeconds() + 25 }))).toEqual(ada);
  });

  it.each([undefined, "", 7, null, ["acme"], "../globex", "..", "acme\n", "ac me", "ä", "x".repeat(129)])(
    "is refused when its tenant is %j",
    async (tenant_id) => {
      expect(await identity.verify(await issuer.sign({ app_metadata: { tenant_id } }))).toBeUndefined();
    },
  );

  it("finds no tenant on the prototype of its claims", async () => {
    for (const tenantClaim of ["constructor.name", "__proto__.tenant_id", "toString"]) {
      expect(await open({ tenantClaim }).verify(await issuer.sign(claims))).toBeUndefined();
    }
  });

  it("that was good is forgotten when it expires, and checked again after five minutes", async () => {
    const token = await issuer.sign(claims, { expires: nowSeconds() + 120 });
    expect(await identity.verify(token)).toEqual(ada);
    aheadMs = 3 * MINUTE_MS;
    expect(await identity.verify(token)).toBeUndefined();
    aheadMs = 0;
    const long = await issuer.sign(claims);
    expect(await identity.verify(long)).toEqual(ada);
    await issuer.rotate({ withdraw: true });
    aheadMs = 11 * MINUTE_MS;
    await identity.verify(await issuer.sign(claims));
    expect(await identity.verify(long), "its key is withdrawn").toBeUndefined();
  });
});

describe("the issuer's keys", () => {
  it("are found anew when a token has a key id that is not known, at most once in the cool-down", async () => {
    await identity.verify(await issuer.sign(claims));
    await issuer.rotate();
    aheadMs = MINUTE_MS;
    const token = await issuer.sign(claims);
    expect(await identity.verify(token)).toEqual(ada);
    const asked = issuer.asked.length;
    for (let each = 0; each < 20; each += 1) {
      expect(await identity.verify(await issuer.sign(claims, { keyId: `unknown-${each}` }))).toBeUndefined();
    }
    expect(issuer.asked).toHaveLength(asked);
  });

  it("are asked for once by many requests at a time", async () => {
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, each) => issuer.sign({ ...claims, sub: `u${each}` })),
    );
    const principals = await Promise.all(tokens.map((token) => identity.verify(token)));
    expect(principals.map((principal) => principal?.userId)).toEqual(tokens.map((_, each) => `u${each}`));
    expect(issuer.asked).toEqual(["/.well-known/openid-configuration", "/keys"]);
  });

  it.each(["away", "garbage"] as const)("stay usable while the issuer is %s", async (how) => {
    await identity.verify(await issuer.sign(claims));
    issuer.behave(how);
    aheadMs = 50 * MINUTE_MS;
    expect(await identity.verify(await issuer.sign({ ...claims, sub: "bob" }))).toEqual({ ...ada, userId: "bob" });
  });

  it.each(["away", "garbage"] as const)("that cannot be had are 503, not 401, while the issuer is %s", async (how) => {
    issuer.behave(how);
    const token = await issuer.sign(claims);
    const unavailable = { code: "auth.issuer_unavailable", status: 503, retryable: true };
    for (let each = 0; each < 10; each += 1) await expect(identity.verify(token)).rejects.toMatchObject(unavailable);
    expect(issuer.asked, "the others wait for the back-off").toHaveLength(1);
    issuer.behave("well");
    aheadMs = MINUTE_MS;
    expect(await identity.verify(token)).toEqual(ada);
    expect(lines.join("\n")).toContain("identity provider");
    expect(lines.join("\n")).not.toContain(token);
  });

  it("are 503 for a key id that is not known while the issuer is away: the token may be good", async () => {
    await identity.verify(await issuer.sign(claims));
    await issuer.rotate();
    issuer.behave("away");
    aheadMs = MINUTE_MS;
    await expect(identity.verify(await issuer.sign(claims))).rejects.toMatchObject({ status: 503 });
  });

  it("are not taken from a discovery document of somebody else", async () => {
    const verifier = open({ issuer: `${issuer.url}/` });
    const token = await issuer.sign(claims, { issuer: `${issuer.url}/` });
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "auth.issuer_unavailable" });
  });
});

describe("a push", () => {
  const serviceAccount = "push@project.iam.gserviceaccount.com";
  const pushes = () =>
    createPushIdentity(
      { issuer: issuer.url, jwksUrl: undefined, audience: AUDIENCE, serviceAccount },
      { clock, logger },
    );

  it("is believed from the configured service account, for the configured audience", async () => {
    await issuer.rotate({ algorithm: "RS256" });
    const verifier = pushes();
    expect(await verifier.verify(await issuer.sign({ email: serviceAccount, email_verified: true }))).toBe(true);
    const refused = [
      await issuer.sign({ email: "other@project.iam.gserviceaccount.com", email_verified: true }),
      await issuer.sign({ email: serviceAccount, email_verified: false }),
      await issuer.sign({ email: serviceAccount }),
      await issuer.sign({ email_verified: true }),
      await issuer.sign({ email: serviceAccount, email_verified: true }, { audience: "others" }),
      await issuer.sign({ email: serviceAccount, email_verified: true }, { expires: nowSeconds() - 60 }),
      "x.y.z",
    ];
    for (const token of refused) expect(await verifier.verify(token)).toBe(false);
  });
});
