import { asId, type ExecutionId, type TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type {
  Acceptance,
  AcceptOutcome,
  ClaimOutcome,
  ClaimRequest,
  Commit,
  CommitOutcome,
  ExecutionPatch,
  StoredExecution,
} from "../../../shared/ports/execution-store.ts";
import { changeArguments } from "./change-arguments.ts";
import { escaped, tenantRoot, unescaped } from "./keys.ts";
import { fields, refusalOf, texts, unexpected, words } from "./replies.ts";
import { defineScript, type RunScript } from "./script.ts";
import { ACCEPT } from "./scripts/accept.lua.ts";
import { CLAIM } from "./scripts/claim.lua.ts";
import { COMMIT } from "./scripts/commit.lua.ts";
import { READ_EXECUTION } from "./scripts/reading.lua.ts";
import type { Sender } from "./sender.ts";
import { timeKey } from "./sortable.ts";

const accept = defineScript("accept", ACCEPT);
const commit = defineScript("commit", COMMIT);
const claim = defineScript("claim", CLAIM);
const read = defineScript("read-execution", READ_EXECUTION);

/** Executions: one script call for whatever is done to one. */
export function createExecutions(run: RunScript, root: string, sender: Sender) {
  const keyOf = (tenantId: TenantId, executionId: ExecutionId): string =>
    `${tenantRoot(root, tenantId)}x:${escaped(executionId)}`;

  return {
    accept: async (acceptance: Acceptance): Promise<AcceptOutcome> => {
      const { tenantId, executionId, idempotency, requires } = acceptance;
      const reply = await run(
        accept,
        [keyOf(tenantId, executionId)],
        [
          root,
          escaped(tenantId),
          escaped(executionId),
          escaped(acceptance.workerId),
          sender.delivery(),
          String(acceptance.createdMs),
          timeKey(acceptance.createdMs),
          escaped(acceptance.sessionId),
          escaped(acceptance.intentType),
          escaped(acceptance.state.status),
          acceptance.state.terminal ? "1" : "0",
          String(acceptance.change.log.filter(({ stream }) => stream === executionId).length),
          idempotency === undefined ? "" : escaped(idempotency.key),
          escaped(idempotency?.digest ?? ""),
          String(idempotency?.expiresMs ?? 0),
          escaped(requires.kind),
          escaped(requires.id),
          String(requires.atMs),
          String(requires.prolongToMs),
          ...fieldArguments(acceptance.state, "i", JSON.stringify(acceptance.intent)),
          ...changeArguments(acceptance.change, [placeOf(acceptance)]),
        ],
      );
      const [outcome = "", first = ""] = words(reply);
      if (outcome === "accepted") return { outcome, epoch: 1 };
      if (outcome === "duplicate") return { outcome, executionId: asId.execution(unescaped(first)) };
      if (outcome === "mismatch")
        return { outcome: "idempotency_mismatch", executionId: asId.execution(unescaped(first)) };
      return outcome === "unmet" ? { outcome: "requirement_unmet" } : refusalOf(words(reply));
    },

    commit: async ({
      tenantId,
      executionId,
      epoch,
      state,
      change,
      readMail,
      release,
    }: Commit): Promise<CommitOutcome> => {
      const reply = await run(
        commit,
        [keyOf(tenantId, executionId)],
        [
          root,
          escaped(tenantId),
          escaped(executionId),
          String(epoch),
          sender.name,
          String(sender.next()),
          escaped(state.status),
          state.terminal ? "1" : "0",
          release === undefined ? "" : String(release.wakeAtMs ?? "never"),
          release?.evenWithMail === true ? "1" : "0",
          ...fieldArguments(state),
          String(readMail.length),
          ...readMail,
          ...changeArguments(change),
        ],
      );
      const [outcome = "", held, mail] = words(reply);
      if (outcome === "committed") return { outcome, held: held === "1", mail: mail === "1" };
      return outcome === "fenced" ? { outcome } : refusalOf(words(reply));
    },

    claim: async ({ tenantId, executionId, workerId, nowMs, deadAfterMs }: ClaimRequest): Promise<ClaimOutcome> => {
      const args = [
        root,
        escaped(tenantId),
        escaped(executionId),
        escaped(workerId),
        sender.delivery(),
        String(nowMs),
        String(nowMs - deadAfterMs),
      ];
      const reply = texts(await run(claim, [keyOf(tenantId, executionId)], args));
      const [outcome, epoch] = reply;
      if (outcome === "absent" || outcome === "terminal" || outcome === "held") return { outcome };
      if (outcome !== "claimed") throw unexpected(outcome ?? null);
      return { outcome, epoch: Number(epoch), execution: storedExecution(fields(reply.slice(2))) };
    },

    read: async (tenantId: TenantId, executionId: ExecutionId): Promise<StoredExecution | undefined> => {
      const found = fields(await run(read, [keyOf(tenantId, executionId)], []));
      return found.get("m") === undefined ? undefined : storedExecution(found);
    },
  };
}

/** Fields of the execution and their values in turn, with their number in front. */
function fieldArguments({ head, steps }: ExecutionPatch, ...more: readonly string[]): string[] {
  const args = [String(2 + 2 * steps.length + more.length), ...more, "h", JSON.stringify(head)];
  for (const { position, body } of steps) args.push(String(position), JSON.stringify(body));
  return args;
}

/** Where a new execution is listed: a line of the queue (scripts/place.lua.ts). */
function placeOf({ executionId, sessionId, intentType, createdMs, state }: Acceptance): string {
  const status = escaped(state.status);
  const byStatus = state.terminal ? `+xs:${status}` : `=xs:${status},=xl`;
  const shared = `+xa,+xt:${escaped(intentType)},${byStatus}`;
  return `${shared} +xn:${escaped(sessionId)} ${timeKey(createdMs)}${escaped(executionId)}`;
}

/** Fields named by a number are steps; `m` begins with the epoch. */
function storedExecution(found: ReadonlyMap<string, string>): StoredExecution {
  const steps: StoredExecution["steps"][number][] = [];
  for (const [name, value] of found) {
    if (/^\d/.test(name)) steps.push({ position: Number(name), body: JSON.parse(value) as JsonObject });
  }
  return {
    epoch: Number.parseInt(found.get("m") ?? "", 10),
    intent: JSON.parse(found.get("i") ?? "") as JsonObject,
    head: JSON.parse(found.get("h") ?? "") as JsonObject,
    steps: steps.toSorted((a, b) => a.position - b.position),
  };
}
