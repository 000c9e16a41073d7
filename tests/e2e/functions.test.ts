import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import type { PartName } from "../../infra/dev/parts/find-parts.ts";
import { startRedis } from "../../infra/dev/parts/redis-server.ts";
import { EVENTS_TOPIC } from "../../shared/state/cloud-event.ts";
import { sharedPubsub, withParts } from "../kit/parts.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { type Client, connect, expectStatus, send, shapes } from "./client.ts";
import { type DeployedProcess, type Deployment, openDeployment } from "./deployment.ts";
import { binary, structured } from "./event-producer.ts";

const INGEST = "content.ingest_file";
const PATIENCE = { timeout: 30_000, interval: 200 };

const parameters = (name: string) => ({
  ui_name: `${name}.csv`,
  content_base64: Buffer.from(`name,age\n${name},36\n`).toString("base64"),
});

interface Store {
  readonly kind: string;
  readonly parts: readonly PartName[];
  /** Starts what it needs, and says how the functions find it. */
  open(folder: string): Promise<{ readonly env: Readonly<Record<string, string>>; stop(): Promise<void> }>;
}

const STORES: readonly Store[] = [
  { kind: "sqlite", parts: [], open: () => Promise.resolve({ env: {}, stop: () => Promise.resolve() }) },
  {
    kind: "redis",
    parts: ["redis"],
    open: async (directory) => {
      const redis = await startRedis({ directory });
      const env = { STORE: "redis", REDIS_URL: `redis://${redis.host}:${redis.port}` };
      return { env, stop: () => redis.stop() };
    },
  },
];

for (const { kind, parts, open } of STORES) {
  withParts(["pubsub", ...parts], () => testFunctions(kind, open));
}

function testFunctions(kind: string, openStore: Store["open"]): void {
  describe(`the functions as they are deployed, on Pub/Sub and ${kind}`, () => {
    let on: Deployment;
    let store: Awaited<ReturnType<Store["open"]>>;
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let api: DeployedProcess;
    let copies: readonly [DeployedProcess, DeployedProcess];
    let client: Client;

    beforeAll(async () => {
      folder = await temporaryFolder();
      store = await openStore(folder.path);
      on = await openDeployment(folder.path, await sharedPubsub(), { ...store.env, GRACE_PERIOD_MS: "3000" });
      api = await on.start("runtime_api");
      copies = [await on.start("ingest_file"), await on.start("ingest_file")];
      for (const copy of copies) await on.pushTo(INGEST, copy);
      client = await connect(api.url);
    });
    afterAll(async () => {
      await on[Symbol.asyncDispose]();
      await store.stop();
      await folder[Symbol.asyncDispose]();
    });

    const event = (id: string) => ({
      id,
      source: "/e2e",
      type: INGEST,
      data: { tenant_id: client.tenantId, session_id: client.sessionId, parameters: parameters(id) },
    });
    const executions = async () =>
      (await client.get("/executions", { limit: "1000", intent_type: INGEST })).as(shapes.executions).executions;

    it("take a submission at the API, run it in the intent's own function, and tell its end: API, topic, function, status", async () => {
      await using events = await on.inbox(EVENTS_TOPIC);
      const id = await client.accept({
        session_id: client.sessionId,
        intent_type: INGEST,
        parameters: parameters("Ada"),
      });
      const ended = await client.ended(id);
      expect(ended.status).toBe("completed");
      const types = (await client.log(id)).map(({ event_type }) => event_type);
      expect(types, "the API ran no step of it").toContain("execution_suspended");
      expect(types).toContain("execution_resumed");
      await vi.waitFor(async () => {
        const told = (await events.pull()).filter(({ orderingKey }) => orderingKey === id);
        expect(told.map(({ attributes }) => attributes["ce_type"])).toContain("execution_completed");
      }, PATIENCE);
    });

    it("answer with the result where the caller waits, on the intent's own path and on /", async () => {
      for (const path of ["/", "/content/ingest_file"]) {
        const body = { tenant_id: client.tenantId, session_id: client.sessionId, parameters: parameters("Bob") };
        const answer = await send(copies[0].url, {
          method: "POST",
          path,
          body,
          headers: { authorization: `Bearer ${client.token}` },
        });
        expectStatus(answer, 200);
        expect(answer.as(shapes.outcome)).toMatchObject({
          status: "completed",
          artifacts: [{ artifact_type: "file" }],
        });
      }
    });

    it("make one execution of each event, with two copies that each get every message twice, and tell of each end", async () => {
      await using events = await on.inbox(EVENTS_TOPIC);
      const before = (await executions()).length;
      const ids = Array.from({ length: 15 }, (_, index) => `twice-${index}`);
      for (const publish of [structured, binary]) {
        await Promise.all(ids.map((id) => on.publish(INGEST, publish(event(id)))));
      }
      await vi.waitFor(async () => {
        const all = await executions();
        expect(all).toHaveLength(before + ids.length);
        expect(new Set(all.map(({ status }) => status))).toEqual(new Set(["completed"]));
      }, PATIENCE);
      const mine = (await executions()).slice(0, ids.length).map(({ execution_id }) => execution_id);
      await vi.waitFor(async () => {
        const ends = (await events.pull()).filter(({ attributes }) => attributes["ce_type"] === "execution_completed");
        const eventIds = new Set(ends.map(({ attributes }) => attributes["event_id"]));
        expect(new Set(ends.map(({ orderingKey }) => orderingKey))).toEqual(new Set(mine));
        expect(eventIds.size, "repeats carry the id of the first").toBe(ids.length);
      }, PATIENCE);
    });

    it("bury poison with its reason, and go on", async () => {
      await using deadLetters = await on.deadLetters();
      await on.publish(INGEST, { attributes: {}, data: "poison" });
      await on.publish(INGEST, structured({ ...event("bad"), data: { tenant_id: "acme" } }));
      await vi.waitFor(async () => {
        const letters = await deadLetters.pull();
        const reasons = new Set(letters.map(({ attributes }) => `${attributes["code"]}: ${attributes["reason"]}`));
        expect(reasons).toEqual(
          new Set([
            expect.stringMatching(/^request.malformed_json: The body is not JSON/),
            "request.invalid: session_id: Invalid intent: session_id is required",
          ]),
        );
      }, PATIENCE);
      await on.publish(INGEST, structured(event("after-poison")));
      await vi.waitFor(async () => expect((await executions())[0]?.status).toBe("completed"), PATIENCE);
    });

    it("work under the cloudevent signature, too", async () => {
      const process = await on.start("ingest_file_event");
      const before = (await executions()).length;
      const push = (body: object) =>
        fetch(`${process.url}/projects/p/topics/t`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
      const publication = structured(event("cloudevent"));
      const message = {
        messageId: "1",
        attributes: publication.attributes,
        data: Buffer.from(publication.data).toString("base64"),
      };
      const pushed = await push({ message, subscription: "projects/p/subscriptions/s" });
      const direct = await fetch(process.url, {
        method: "POST",
        headers: { "content-type": "application/cloudevents+json" },
        body: publication.data,
      });
      const garbage = await push({ hello: "there" });
      expect([pushed.status, direct.status, garbage.status]).toEqual([204, 204, 204]);
      await vi.waitFor(async () => expect(await executions()).toHaveLength(before + 1), PATIENCE);
      expect((await executions())[0]?.status).toBe("completed");
      await process.stop();
    });

    it("lose nothing when one copy is told to stop and the other is killed with work in its hands, once the sweep comes", async () => {
      const before = (await executions()).length;
      const ids = Array.from({ length: 40 }, (_, index) => `dying-${index}`);
      const publishing = Promise.all(ids.map((id) => on.publish(INGEST, structured(event(id)))));
      await vi.waitFor(async () => expect((await executions()).length).toBeGreaterThan(before + 2), PATIENCE);
      const [first, second] = copies;
      const stopping = first.stop();
      await second.kill();
      await stopping;
      await publishing;
      expect(
        first.lines.some((line) => line.includes('"stopped"')),
        "it stopped in order, and by itself",
      ).toBe(true);

      // The next instance behind the same URL: Pub/Sub delivers again what nobody acknowledged.
      await on.start("ingest_file", second.port);
      const [sweep, relay] = [await on.start("recovery_sweep"), await on.start("outbox_relay")];
      await vi.waitFor(
        async () => {
          await send(sweep.url, { method: "POST", path: "/", body: {} });
          await send(relay.url, { method: "POST", path: "/", body: {} });
          const all = await executions();
          expect(all).toHaveLength(before + ids.length);
          expect(new Set(all.map(({ status }) => status))).toEqual(new Set(["completed"]));
        },
        { timeout: 40_000, interval: 500 },
      );
      await using deadLetters = await on.deadLetters();
      const unexplained = (await deadLetters.pull()).filter(({ attributes }) => attributes["code"] === undefined);
      expect(unexplained, "no outage makes a dead letter of a good message").toEqual([]);
    });
  });
}
