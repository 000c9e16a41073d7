import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, expect, it, vi } from "vitest";
import * as z from "zod";

import { createArangoGraphStore } from "../../infra/adapters/arango/graph-store.ts";
import { systemClock, systemRandom } from "../../infra/adapters/system/system.ts";
import { type ArangoStandin, startArangoStandin } from "../../infra/dev/parts/arango-standin.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import type { GraphStore } from "../../shared/ports/graph-store.ts";
import { EVENTS_TOPIC } from "../../shared/state/cloud-event.ts";
import { sharedPubsub, withParts } from "../kit/parts.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { type Client, connect, expectStatus, send, shapes } from "./client.ts";
import { type DeployedProcess, type Deployment, openDeployment } from "./deployment.ts";
import { binary, structured } from "./event-producer.ts";
import { upload } from "./sample-files.ts";

const MASH = "mash.create";
const PATIENCE = { timeout: 45_000, interval: 200 };
const execution = z.looseObject({
  trace_id: z.string(),
  status: z.string(),
  steps: z.array(z.looseObject({ step_name: z.string(), child_execution_id: z.string().optional() })),
  output: z.looseObject({ trace_id: z.string().optional() }).optional(),
});
const journey = z.looseObject({
  trace_id: z.string(),
  status: z.string(),
  milestones: z.array(z.looseObject({ milestone: z.string() })),
});

/** A W3C trace id, as the header has it and as it is written everywhere here. */
function newTrace() {
  const uuid = randomUUID();
  return { traceId: `trace_${uuid}`, traceparent: `00-${uuid.replaceAll("-", "")}-00f067aa0ba902b7-01` };
}

withParts(["pubsub"], () => {
  let on: Deployment;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let arango: ArangoStandin;
  let graph: GraphStore;
  let api: DeployedProcess;
  let mash: DeployedProcess;
  let ingest: DeployedProcess;
  let save: DeployedProcess;
  let parse: DeployedProcess;
  let describe: DeployedProcess;
  let client: Client;

  beforeAll(async () => {
    folder = await temporaryFolder();
    arango = await startArangoStandin();
    const access = { url: arango.url, database: "symphainy", user: "root", password: "" };
    graph = createArangoGraphStore(access, { clock: systemClock, random: systemRandom });
    await graph.setUp();
    const env = { GRAPH: "arango", ARANGO_URL: arango.url, LOG_LEVEL: "debug", GRACE_PERIOD_MS: "3000" };
    on = await openDeployment(folder.path, await sharedPubsub(), env);
    api = await on.start("runtime_api");
    [mash, ingest, save, parse, describe] = await Promise.all([
      on.start("create"),
      on.start("ingest_file"),
      on.start("save_materialization"),
      on.start("parse_content"),
      on.start("create_deterministic_embeddings"),
    ]);
    // What one function cannot end itself it hands on to the other by its topic.
    await on.pushTo(MASH, mash);
    await on.pushTo("content.parse_content", parse);
    await on.pushTo("content.create_deterministic_embeddings", describe);
    client = await connect(api.url);
  });
  afterAll(async () => {
    await graph.close();
    await on[Symbol.asyncDispose]();
    await arango.stop();
    await folder[Symbol.asyncDispose]();
  });

  /** Runs an intent in its own function, as its caller. */
  const call = async (at: DeployedProcess, parameters: object, traceparent?: string) => {
    const answer = await send(at.url, {
      method: "POST",
      path: "/",
      headers: { authorization: `Bearer ${client.token}`, ...(traceparent === undefined ? {} : { traceparent }) },
      body: { tenant_id: client.tenantId, session_id: client.sessionId, parameters },
    });
    expectStatus(answer, 200);
    return { headers: answer.headers, ...answer.as(shapes.outcome) };
  };

  async function readyFile(name: string): Promise<string> {
    const { output } = await call(ingest, upload(name, `email,price\n${name}@example.org,1\n`));
    const { file_id, boundary_contract_id } = output;
    await call(save, { file_id, boundary_contract_id });
    return String(file_id);
  }

  /** Every place that tells of a journey's trace, and the trace that it tells of. */
  async function tracesOf(executionId: string): Promise<Readonly<Record<string, readonly string[]>>> {
    const whole = (await client.get(`/execution/${executionId}/status`)).as(execution);
    const childIds = whole.steps.flatMap(({ child_execution_id: id }) => (id === undefined ? [] : [id]));
    expect(childIds).toHaveLength(2);
    const children = await Promise.all(
      childIds.map(async (id) => (await client.get(`/execution/${id}/status`)).as(execution)),
    );
    const told = (await client.get(`/journey/${whole.trace_id}`)).as(journey);
    expect(told.milestones.map(({ milestone }) => milestone)).toEqual([
      "file_uploaded",
      "file_validated",
      "file_parsed",
      "parsed_data_stored",
      "semantic_processed",
      "semantic_stored",
      "data_mash_complete",
    ]);
    const ids = [executionId, ...childIds];
    const entries = (await Promise.all(ids.map((id) => client.log(id)))).flat();
    const logged = [...mash.lines, ...parse.lines, ...describe.lines]
      .filter((line) => ids.some((id) => line.includes(id)))
      .map((line) => z.looseObject({ trace_id: z.string() }).parse(JSON.parse(line)).trace_id);
    const scope = { dataClassification: "client", tenantId: trustedTenantId(client.tenantId) } as const;
    const { items } = await graph.list(scope, "structured_embeddings", undefined, { limit: 1_000 });
    const fileId = z.looseObject({ results: z.looseObject({ file: z.looseObject({ file_id: z.string() }) }) });
    const mine = fileId.parse(whole.output).results.file.file_id;
    return {
      execution: [whole.trace_id],
      children: children.map(({ trace_id }) => trace_id),
      result: [whole.output?.trace_id ?? ""],
      journey: [told.trace_id],
      log_entries: entries.map((entry) => String((entry as Readonly<Record<string, unknown>>)["trace_id"])),
      log_lines: logged,
      embeddings: items
        .filter(({ fields }) => fields["file_id"] === mine)
        .map(({ fields }) => String(fields["trace_id"])),
    };
  }

  async function expectOneTrace(executionId: string, traceId: string): Promise<void> {
    for (const [place, traces] of Object.entries(await tracesOf(executionId))) {
      expect(traces.length, `${place} tells a trace`).toBeGreaterThan(0);
      expect(new Set(traces), `${place} tells of one trace`).toEqual(new Set([traceId]));
    }
  }

  it("one trace id goes from a caller's header through intent, child, log, records, events and result", async () => {
    const file_id = await readyFile("orders.csv");
    await using events = await on.inbox(EVENTS_TOPIC);
    const { traceId, traceparent } = newTrace();
    const { headers, execution_id } = await call(mash, { file_id }, traceparent);
    const hex = traceparent.slice(3, 35);
    expect(headers.get("traceparent")).toContain(hex);
    await expectOneTrace(execution_id, traceId);
    await vi.waitFor(async () => {
      const mine = (await events.pull()).filter(({ orderingKey }) => orderingKey === execution_id);
      const types = mine.map(({ attributes }) => attributes["ce_type"]);
      expect(types).toEqual(expect.arrayContaining(["data_mash_completed", "execution_completed"]));
      for (const { attributes, data } of mine) expect(JSON.stringify([attributes, data])).toContain(hex);
    }, PATIENCE);
  });

  it.each([
    ["structured", structured],
    ["binary", binary],
  ])("one trace id goes from a %s event's extension through all of it", async (mode, publish) => {
    const file_id = await readyFile(`${mode}.csv`);
    const { traceId, traceparent } = newTrace();
    const data = { tenant_id: client.tenantId, session_id: client.sessionId, parameters: { file_id } };
    const publication = publish({
      type: MASH,
      data,
      ...(mode === "structured" ? { extensions: { traceparent } } : {}),
    });
    const extension = mode === "binary" ? { "ce-traceparent": traceparent } : {};
    await on.publish(MASH, { ...publication, attributes: { ...publication.attributes, ...extension } });
    await vi.waitFor(async () => {
      const told = await client.get(`/journey/${traceId}`);
      expect(told.status).toBe(200);
      expect(told.as(journey).status).toBe("completed");
    }, PATIENCE);
    const { executions } = (await client.get(`/journey/${traceId}`)).as(
      z.looseObject({ executions: z.array(z.looseObject({ execution_id: z.string() })) }),
    );
    await expectOneTrace(executions[0]?.execution_id ?? "", traceId);
  });
});
