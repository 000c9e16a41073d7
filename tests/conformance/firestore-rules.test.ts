import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, it } from "vitest";
import * as z from "zod";

import { sharedFirestore, withParts } from "../kit/parts.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

const place = z.strictObject({ host: z.literal("127.0.0.1"), port: z.int().min(1).max(65_535) });
/**
 * What of firebase.json's format (schema/firebase-config.json of firebase-tools) is used here. There is no `functions` and no
 * `hosting`: a second deployer would undo what Terraform did.
 */
const firebaseJson = z.strictObject({
  firestore: z.strictObject({ rules: z.string(), indexes: z.string() }),
  emulators: z.strictObject({ firestore: place, pubsub: place, ui: z.strictObject({ enabled: z.boolean() }) }),
});

async function configuration() {
  return firebaseJson.parse(JSON.parse(await readFile(path.join(ROOT, "firebase.json"), "utf8")));
}

it("firebase.json names rules and indexes that are there, and emulators that listen on this machine only", async () => {
  const { firestore } = await configuration();
  const indexes: unknown = JSON.parse(await readFile(path.join(ROOT, firestore.indexes), "utf8"));
  expect(indexes).toMatchObject({ indexes: expect.any(Array), fieldOverrides: expect.any(Array) });
  expect(await readFile(path.join(ROOT, firestore.rules), "utf8")).toContain("service cloud.firestore");
});

withParts(["firestore"], () => {
  describe("the rules, on the emulator", () => {
    /** A project of its own with these rules, and one call of Firestore's REST interface to it. */
    const openProject = async (rules: string) => {
      const host = await sharedFirestore();
      const project = `rules-${randomUUID()}`;
      const answer = await fetch(`http://${host}/emulator/v1/projects/${project}:securityRules`, {
        method: "PUT",
        body: JSON.stringify({ rules: { files: [{ name: "firestore.rules", content: rules }] } }),
      });
      expect(answer.status).toBe(200);
      return async (method: "GET" | "PATCH" | "DELETE", document: string, authorization?: string) => {
        const response = await fetch(
          `http://${host}/v1/projects/${project}/databases/(default)/documents/${document}`,
          {
            method,
            headers: authorization === undefined ? {} : { authorization: `Bearer ${authorization}` },
            ...(method === "PATCH" ? { body: JSON.stringify({ fields: { name: { stringValue: "x" } } }) } : {}),
          },
        );
        await response.body?.cancel();
        return response.status;
      };
    };
    /** What Firebase's identity gives to a signed-in client; the emulator believes it unsigned. */
    const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
    const client = `${encoded({ alg: "none", typ: "JWT" })}.${encoded({ sub: "ada", user_id: "ada", tenant_id: "acme" })}.`;
    const DOCUMENTS = [
      "tenants/acme/executions/e",
      "tenants/acme/log/s:1",
      "outbox/event",
      "workers/w",
      "anything/else",
    ];

    it("refuse every read and write of clients, signed in or not, and let the runtime's own account do its work", async () => {
      const { firestore } = await configuration();
      const call = await openProject(await readFile(path.join(ROOT, firestore.rules), "utf8"));
      for (const document of DOCUMENTS) {
        for (const who of [undefined, client]) {
          for (const method of ["GET", "PATCH", "DELETE"] as const) {
            expect([document, method, await call(method, document, who)]).toEqual([document, method, 403]);
          }
        }
        expect(await call("PATCH", document, "owner")).toBe(200);
        expect(await call("GET", document, "owner")).toBe(200);
        expect(await call("GET", document, client)).toBe(403);
      }
    });

    it("would be seen to let a client in, if they did", async () => {
      const call = await openProject(
        "rules_version = '2'; service cloud.firestore { match /databases/{d}/documents { match /{all=**} { allow read, write: if request.auth != null; } } }",
      );
      expect(await call("PATCH", "workers/w", client)).toBe(200);
      expect(await call("GET", "workers/w", client)).toBe(200);
      expect(await call("GET", "workers/w")).toBe(403);
    });
  });
});
