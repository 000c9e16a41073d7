import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import { intents } from "../../../functions/catalog.ts";
import { createAdapters } from "../../../infra/create-adapters.ts";
import { callJobs } from "../../../infra/dev/cloud/scheduler.ts";
import { loadConfig } from "../../../shared/config.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { EVENTS_TOPIC } from "../../../shared/state/cloud-event.ts";
import type { Inbox, ReceivedMessage } from "../../conformance/pubsub-inbox.ts";
import { type Client, connect, createClient, shapes } from "../../e2e/client.ts";
import { type DeployedProcess, type Deployment, openDeployment } from "../../e2e/deployment.ts";
import { upload } from "../../e2e/sample-files.ts";
import { auditAll } from "../../kit/audit.ts";
import { startMortalRedis } from "../../kit/mortal-redis.ts";
import { sharedFirestore, sharedPubsub, withParts } from "../../kit/parts.ts";
import { untilQuiet } from "../../kit/quiet.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

const INTENT = "content.ingest_file";
const INTENTS = 40;
const LINES = 4;
const KILLS = 3;

withParts(["redis", "firestore", "pubsub"], () => {
  it("two copies of every function, every push to both, and one of them killed again and again: each accepted intent is one execution that ends, and every event comes", async ({
    annotate,
  }) => {
    await using folder = await temporaryFolder();
    await using redis = await startMortalRedis();
    const env = { STORE: "tiered", REDIS_URL: redis.url, FIRESTORE_EMULATOR_HOST: await sharedFirestore() };
    await using on = await openDeployment(folder.path, await sharedPubsub(), { ...env, LOG_LEVEL: "error" });
    await using events = await on.inbox(EVENTS_TOPIC);
    const apis = await Promise.all([on.start("runtime_api"), on.start("runtime_api")]);
    const jobs = await Promise.all(["outbox_relay", "recovery_sweep"].map((job) => on.start(job)));
    const copies = [await startCopy(on), await startCopy(on)];
    const own = await createAdapters(
      loadConfig({ ...env, DATA_DIR: folder.path, GOOGLE_CLOUD_PROJECT: on.projectId, LOG_LEVEL: "error" }),
    );

    const over = new AbortController();
    const scheduled = callJobs(
      jobs.map(({ url }) => ({ url, everyMs: 1_000 })),
      over.signal,
      () => undefined,
    );
    const killing = (async () => {
      for (let kills = 0; kills < KILLS; kills += 1) {
        await sleep(1_500);
        await copies.shift()?.kill();
        copies.push(await startCopy(on));
      }
    })();
    const [accepted] = await Promise.all([submitAll(apis), killing]);
    const tenantId = trustedTenantId("acme");
    await untilQuiet(own.store, tenantId, 60_000);
    over.abort();
    await scheduled;
    const received = (await allOf(events)).map(({ orderingKey, attributes }) => {
      const { event_id: eventId = "", ce_type: type = "" } = attributes;
      return { eventId, type, orderingKey };
    });
    const audit = await auditAll({ store: own.store, tenantId, intents, accepted, received });
    await own.close();

    expect(audit.resumed, "functions took up what the API accepted").toBeGreaterThanOrEqual(INTENTS);
    expect(audit).toMatchObject({ faults: [], executions: INTENTS, statuses: { completed: INTENTS } });
    await annotate(`${KILLS} kills, ${audit.resumed} executions taken up, ${received.length} events`);
  }, 150_000);
});

/** What came, once nothing more does. */
async function allOf(inbox: Inbox): Promise<readonly ReceivedMessage[]> {
  for (let before = -1; ;) {
    const { length } = await inbox.pull();
    if (length === before) return inbox.pull();
    before = length;
  }
}

async function startCopy(on: Deployment): Promise<DeployedProcess> {
  const copy = await on.start("ingest_file");
  await on.pushTo(INTENT, copy);
  return copy;
}

/** Submits at either API, each key until it is acknowledged; some keys twice, at both. */
async function submitAll(apis: readonly DeployedProcess[]): Promise<ReadonlyMap<string, string>> {
  const [first] = apis;
  const known = await connect(first?.url ?? "");
  const clients = apis.map(({ url }) => createClient(url, known.tenantId, known.token));
  const accepted = new Map<string, string>();
  let next = 0;
  const line = async (): Promise<void> => {
    while (next < INTENTS) {
      const index = next;
      next += 1;
      const ids = await Promise.all(clients.map((client) => submitOne(client, known.sessionId, index)));
      expect(new Set(ids).size).toBe(1);
      accepted.set(`key-${index}`, ids[0] ?? "");
      await sleep(400);
    }
  };
  await Promise.all(Array.from({ length: LINES }, line));
  return accepted;
}

async function submitOne(client: Pick<Client, "submit">, sessionId: string, index: number): Promise<string> {
  const parameters = upload(`file-${index}.csv`, `id,name\n${index},x\n`);
  const submission = { session_id: sessionId, intent_type: INTENT, parameters };
  for (;;) {
    const answer = await client.submit(submission, { "idempotency-key": `key-${index}` });
    if (answer.status === 202) return answer.as(shapes.accepted).execution_id;
    await sleep(100);
  }
}
