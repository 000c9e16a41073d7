import type { JSONWebKeySet } from "jose";
import * as z from "zod";

import { fetchJson } from "./fetch-json.ts";

/** Where an issuer's keys come from. */
export interface KeySource {
  /** The keys as they are now; rejects when the issuer does not give them. */
  load(): Promise<JSONWebKeySet>;
}

export interface KeySourceOptions {
  readonly issuer: string;
  /** Absent: where the issuer's discovery document says. */
  readonly jwksUrl: string | undefined;
}

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url() });
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

/** Keys over HTTP; only public keys for signatures are taken. Source: OpenID Connect Discovery 1.0, RFC 7517. */
export function createKeySource({ issuer, jwksUrl }: KeySourceOptions): KeySource {
  let discovered = jwksUrl;

  const discover = async (): Promise<string> => {
    const found = discoverySchema.parse(
      await fetchJson(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`),
    );
    // Section 4.3: a document of another issuer would hand this one's trust to that one's keys.
    if (found.issuer !== issuer) throw new Error(`The discovery document is of the issuer ${found.issuer}.`);
    if (!isSafeUrl(found.jwks_uri)) throw new Error(`The keys are at ${found.jwks_uri}, which is not https.`);
    return found.jwks_uri;
  };

  return {
    load: async () => {
      discovered ??= await discover();
      try {
        const { keys } = keySetSchema.parse(await fetchJson(discovered));
        return { keys: keys.filter(isForSignatures) };
      } catch (error) {
        // They may have moved.
        discovered = jwksUrl;
        throw error;
      }
    },
  };
}

function isForSignatures({ kty, use }: { readonly kty: string; readonly use?: unknown }): boolean {
  return ["RSA", "EC", "OKP"].includes(kty) && (use === undefined || use === "sig");
}

/** Keys that come over a network unprotected could be anybody's. */
function isSafeUrl(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
}
