import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

export interface Issuer extends AsyncDisposable {
  readonly url: string;
  /** The requests that came, by path. */
  readonly asked: readonly string[];
  /** Signs with the newest key: valid for an hour, unless the claims or the options say otherwise. */
  sign(claims: object, options?: SignOptions): Promise<string>;
  /** A new key; the ones before stay published unless they are withdrawn. */
  rotate(options?: {
    readonly algorithm?: string;
    readonly withdraw?: boolean;
    readonly publish?: boolean;
  }): Promise<void>;
  /** What it answers from now on: its keys, an error, or nothing for a while. */
  behave(how: "well" | "away" | "garbage"): void;
}

export interface SignOptions {
  readonly issuer?: string;
  readonly audience?: string | null;
  /** Seconds since the epoch; null leaves the claim out. */
  readonly expires?: number | null;
  readonly notBefore?: number;
  readonly keyId?: string;
}

interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly key: CryptoKey;
}

export const AUDIENCE = "symphainy";

/** An OpenID Connect issuer over real HTTP on this machine, with as much as a verifier reads of one. */
export async function openIssuer(algorithm = "ES256"): Promise<Issuer> {
  const published: JWK[] = [];
  const asked: string[] = [];
  let newest: SigningKey | undefined;
  let behaviour: Parameters<Issuer["behave"]>[0] = "well";

  const server: Server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (behaviour === "away") response.writeHead(503).end();
    else if (behaviour === "garbage") response.writeHead(200).end("<html>");
    else if (request.url === "/.well-known/openid-configuration")
      response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys` }));
    else if (request.url === "/keys") response.end(JSON.stringify({ keys: published }));
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const issuer: Issuer = {
    url,
    asked,
    sign: async (claims, { issuer: iss = url, audience = AUDIENCE, expires, notBefore, keyId } = {}) => {
      if (newest === undefined) throw new Error("There is no key yet.");
      const jwt = new SignJWT({ ...claims })
        .setProtectedHeader({ alg: newest.alg, kid: keyId ?? newest.kid })
        .setIssuer(iss);
      if (audience !== null) jwt.setAudience(audience);
      if (expires !== null) jwt.setExpirationTime(expires ?? Math.floor(Date.now() / 1_000) + 3_600);
      if (notBefore !== undefined) jwt.setNotBefore(notBefore);
      return jwt.sign(newest.key);
    },
    rotate: async ({ algorithm: alg = algorithm, withdraw = false, publish = true } = {}) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const kid = `key-${published.length + 1}-${alg}`;
      if (withdraw) published.length = 0;
      if (publish) published.push({ ...(await exportJWK(publicKey)), kid, alg, use: "sig" });
      newest = { kid, alg, key: privateKey };
    },
    behave: (how) => {
      behaviour = how;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await issuer.rotate();
  return issuer;
}
