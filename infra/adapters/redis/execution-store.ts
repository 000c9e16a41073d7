import type { ExecutionId, TenantId, WorkerId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { ExecutionStore, Mail } from "../../../shared/ports/execution-store.ts";
import { DEAF, type Listen } from "../../../shared/store-clock.ts";
import { changeArguments } from "./change-arguments.ts";
import type { RedisConnection } from "./connection.ts";
import { createExecutionListing } from "./execution-listing.ts";
import { createExecutions } from "./executions.ts";
import { escaped, readRef, rootOf, tenantRoot } from "./keys.ts";
import { createLog } from "./log.ts";
import { createLogKeeping } from "./log-keeping.ts";
import { createOutbox } from "./outbox.ts";
import { createRecords } from "./records.ts";
import { fields, refusalOf, texts, timeOf, words } from "./replies.ts";
import { createScriptRunner, defineScript } from "./script.ts";
import { READ_MAIL } from "./scripts/reading.lua.ts";
import { ABANDONED, BEAT, DUE, PROBE, PURGE, RETIRE } from "./scripts/upkeep.lua.ts";
import { WRITE } from "./scripts/write.lua.ts";
import { createSender } from "./sender.ts";

export interface RedisStoreOptions {
  /** Unique for each store that was ever opened: it tells a repeat on the way from another wish. */
  readonly senderName: string;
  /** Whose keys these are, where several deployments share a Redis. */
  readonly namespace?: string | undefined;
  /** Is told the time of Redis by what a worker or a sweep asks anyway; default nobody. */
  readonly listen?: Listen | undefined;
}

const write = defineScript("write", WRITE);
const readMail = defineScript("read-mail", READ_MAIL);
const beat = defineScript("beat", BEAT);
const retire = defineScript("retire", RETIRE);
const due = defineScript("due", DUE);
const abandoned = defineScript("abandoned", ABANDONED);
const purge = defineScript("purge", PURGE);
const probe = defineScript("probe", PROBE);

/**
 * The execution store on Redis (ADR 0010). What it promises:
 *  R1  Whatever changes something is one Lua script: whole or not at all, as long as Redis keeps what it acknowledged.
 *  R2  A script that is delivered again, at once or late, changes nothing; delivered again at once it answers as it did.
 *  R3  No call walks more than a bounded number of entries: none holds Redis up for others.
 *  R4  An unreachable Redis rejects with `store.unavailable` within the time-outs of the connection.
 * A lost answer leaves open whether the change was made, as with every store.
 */
export function createRedisStore(connection: RedisConnection, options: RedisStoreOptions): ExecutionStore {
  const root = rootOf(options.namespace ?? "symphainy");
  const { listen = DEAF } = options;
  const sender = createSender(options.senderName);
  const run = createScriptRunner(connection);
  const executions = createExecutions(run, root, sender);
  const log = createLog(run, root);
  const records = createRecords(run, root);
  const outbox = createOutbox(run, root);
  const beats = `${root}beats`;
  const goneKey = (workerId: WorkerId): string => `${root}gone:${escaped(workerId)}`;

  const mailOf = async (tenantId: TenantId, executionId: ExecutionId): Promise<readonly Mail[]> => {
    const mailbox = `${tenantRoot(root, tenantId)}m:${escaped(executionId)}`;
    const found = [...fields(await run(readMail, [mailbox], []))].map(([mailId, value]) => {
      const end = value.indexOf(" ");
      const body = JSON.parse(value.slice(end)) as JsonObject;
      return { position: Number(value.slice(0, end)), mail: { mailId, executionId, body } };
    });
    return found.toSorted((a, b) => a.position - b.position).map(({ mail }) => mail);
  };

  return {
    accept: executions.accept,
    claim: executions.claim,
    commit: executions.commit,
    write: async (tenantId, change) => {
      const { mailboxLimit: limit } = change;
      const room = limit === undefined ? "" : `${limit.letters} ${limit.bytes}`;
      const args = [escaped(tenantId), room, ...changeArguments(change)];
      const hear = listen();
      const reply = words(await run(write, [`${root}d:${sender.delivery()}`], args));
      const [outcome, time] = reply;
      if (outcome === "mailbox_full") return { outcome };
      if (outcome !== "written") return refusalOf(reply);
      hear(timeOf(time));
      return { outcome };
    },

    readExecution: executions.read,
    listExecutions: createExecutionListing(run, root),
    readLog: log.read,
    readRecord: records.read,
    listRecords: records.list,

    unpublished: (limit, except = []) => outbox.waiting(limit, except),
    markPublished: outbox.mark,
    readMail: mailOf,

    beat: async (workerId, nowMs) => {
      const worker = escaped(workerId);
      const keys = [beats, goneKey(workerId), `${root}beat:${worker}`];
      const hear = listen();
      hear(timeOf(await run(beat, keys, [worker, String(nowMs), sender.delivery()])));
    },
    retire: async (workerId) => {
      const worker = escaped(workerId);
      await run(retire, [beats, goneKey(workerId), `${root}held:${worker}`], [worker]);
    },
    due: async ({ nowMs, limit }) =>
      texts(await run(due, [`${root}due`], [String(nowMs), String(limit)])).map((name) => readRef(name ?? "")),
    abandoned: async ({ nowMs, deadAfterMs, limit }) => {
      const args = [`${root}held:`, String(nowMs - deadAfterMs), String(limit)];
      const hear = listen();
      const [time, ...names] = texts(await run(abandoned, [beats], args));
      hear(timeOf(time));
      return names.map((name) => readRef(name ?? ""));
    },
    purge: async ({ nowMs, publishedBeforeMs }) => {
      const args = [root, String(publishedBeforeMs), String(nowMs)];
      let gone = 0;
      for (;;) {
        const keys = [`${root}d:${sender.delivery()}`, `${root}published`, `${root}keys`];
        const [count, more] = words(await run(purge, keys, args));
        gone += Number(count);
        if (more !== "1") return gone;
      }
    },

    keeping: createLogKeeping(run, root),

    // By a write: a replica, a full Redis and one without its replicas still answer who only asks.
    ping: async () => {
      await run(probe, [`${root}probe`], []);
    },
    close: () => connection.close(),
  };
}
