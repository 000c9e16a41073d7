import { afterAll, beforeAll, expect, it } from "vitest";

import { createPushIdentity } from "../../infra/adapters/jwt/oidc-identity.ts";
import { systemClock } from "../../infra/adapters/system/system.ts";
import { createApp } from "../../shared/http/app.ts";
import { createLogger } from "../../shared/logger.ts";
import type { PushVerifier } from "../../shared/ports/token-verifier.ts";
import { DEAD_LETTER_TOPIC } from "../../shared/state/topics.ts";
import { openRuntime, type TestRuntime } from "../kit/runtime.ts";
import { AUDIENCE, type Issuer, openIssuer } from "./issuer.ts";
import { fetchApp } from "../kit/fetch-app.ts";

/** The push route as production has it: no dev tokens, and a stand-in for Google's issuer. */
const serviceAccount = "push@project.iam.gserviceaccount.com";
const logger = createLogger({ clock: systemClock, level: "error", write: () => undefined });
let google: Issuer;
let runtime: TestRuntime;

beforeAll(async () => {
  google = await openIssuer("RS256");
  runtime = await openRuntime();
});
afterAll(async () => {
  await runtime[Symbol.asyncDispose]();
  await google[Symbol.asyncDispose]();
});

async function push(
  authorization: string | undefined,
  pushTokens: PushVerifier | undefined,
  published?: string,
): Promise<readonly [number, string]> {
  const { services } = runtime;
  const app = createApp({ ...services, adapters: { ...services.adapters, devTokens: undefined, pushTokens } });
  const data = { tenant_id: "acme", session_id: runtime.sessionId, parameters: {} };
  const event = { specversion: "1.0", id: "1", source: "/tests", type: "nothing.that_is", data };
  const message = {
    messageId: "1",
    attributes: { "content-type": "application/cloudevents+json" },
    data: Buffer.from(published ?? JSON.stringify(event)).toString("base64"),
  };
  const response = await fetchApp(
    app,
    new Request("http://localhost/projects/p/topics/t", {
      method: "POST",
      headers: { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) },
      body: JSON.stringify({ message, subscription: "projects/p/subscriptions/s" }),
    }),
  );
  const answer = (await response.json()) as { readonly code: string };
  return [response.status, answer.code];
}
const verifier = () =>
  createPushIdentity(
    { issuer: google.url, jwksUrl: undefined, audience: AUDIENCE, serviceAccount },
    { clock: systemClock, logger },
  );
const claims = { email: serviceAccount, email_verified: true };

it("believes a push of the configured service account: it gets as far as the intent, which does not exist", async () => {
  const [status, code] = await push(`Bearer ${await google.sign(claims)}`, verifier());
  expect([status, code]).toEqual([200, expect.stringMatching(/^intent\./)]);
});

it("refuses each other push with 401, and buries none of them", async () => {
  const refused = [
    undefined,
    "Bearer x.y.z",
    `Bearer ${await google.sign({ ...claims, email: "other@project.iam.gserviceaccount.com" })}`,
    `Bearer ${await google.sign({ ...claims, email_verified: false })}`,
    `Bearer ${await google.sign(claims, { audience: "others" })}`,
  ];
  let buried = 0;
  runtime.bus.subscribe(DEAD_LETTER_TOPIC, "pushes", async () => {
    buried += 1;
    return new Response(null, { status: 204 });
  });
  for (const authorization of refused) {
    for (const published of [undefined, "no event at all"]) {
      expect(await push(authorization, verifier(), published)).toEqual([401, expect.stringMatching(/^auth\./)]);
    }
  }
  expect(await push(undefined, undefined, "no event at all")).toEqual([401, "auth.no_push_identity"]);
  expect(buried).toBe(0);
});

it("refuses every push where none is configured", async () => {
  expect(await push(`Bearer ${await google.sign(claims)}`, undefined)).toEqual([401, "auth.no_push_identity"]);
});

it("asks for a push again while the keys cannot be had", async () => {
  google.behave("away");
  expect(await push(`Bearer ${await google.sign(claims)}`, verifier())).toEqual([503, "auth.issuer_unavailable"]);
  google.behave("well");
});
