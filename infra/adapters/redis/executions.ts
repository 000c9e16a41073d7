import { asId, type ExecutionId, type TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type {
  Acceptance,
  AcceptOutcome,
  Base,
  ClaimOutcome,
  ClaimRequest,
  Commit,
  CommitOutcome,
  ExecutionPatch,
  StoredExecution,
} from "../../../shared/ports/execution-store.ts";
import { changeArguments } from "./change-arguments.ts";
import { changesText, readChanged } from "./changed-members.ts";
import { escaped, NONE, tenantRoot, unescaped } from "./keys.ts";
import { sharedWords } from "./log-element.ts";
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
      const { tenantId, executionId, idempotency, requires, state, change } = acceptance;
      const written = ["i", JSON.stringify(acceptance.intent), ...fieldArguments(state)];
      const asked = [
        escaped(acceptance.workerId),
        sender.delivery(),
        timeKey(acceptance.createdMs),
        escaped(acceptance.sessionId),
        escaped(acceptance.intentType),
        escaped(state.status),
        state.terminal ? "1" : "0",
        idempotency === undefined ? NONE : escaped(idempotency.key),
        escaped(idempotency?.digest ?? ""),
        idempotency?.expiresMs ?? 0,
        escaped(requires.kind),
        escaped(requires.id),
        requires.atMs,
        requires.prolongToMs,
        sharedWords(change.log, executionId),
        written.length,
      ];
      const args = [asked.join(" "), ...written, ...changeArguments(change, executionId, [placeOf(acceptance)])];
      const reply = await run(accept, [keyOf(tenantId, executionId)], args);
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
      const written = fieldArguments(state);
      const asked = [
        epoch,
        sender.name,
        sender.next(),
        escaped(state.status),
        state.terminal ? "1" : "0",
        release === undefined ? "keep" : (release.wakeAtMs ?? "never"),
        release?.evenWithMail === true ? "1" : "0",
        written.length,
        readMail.length,
      ];
      const args = [asked.join(" "), ...written, ...readMail, ...changeArguments(change, executionId)];
      const reply = await run(commit, [keyOf(tenantId, executionId)], args);
      const [outcome = "", held, mail] = words(reply);
      if (outcome === "committed") return { outcome, held: held === "1", mail: mail === "1" };
      return outcome === "fenced" ? { outcome } : refusalOf(words(reply));
    },

    claim: async ({ tenantId, executionId, workerId, nowMs, deadAfterMs }: ClaimRequest): Promise<ClaimOutcome> => {
      const args = [escaped(workerId), sender.delivery(), String(nowMs), String(nowMs - deadAfterMs)];
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

/** Fields of the execution and their values in turn: see scripts/accept.lua.ts. */
function fieldArguments({ head, base, steps }: ExecutionPatch): string[] {
  const args: string[] = [];
  pushField(args, "h", head, base);
  for (const step of steps) pushField(args, String(step.position), step.body, step.base);
  return args;
}

/** Whole, or what has changed of it since it was written whole. */
function pushField(args: string[], name: string, body: JsonObject, base: Base): void {
  if (base !== null && base !== undefined) {
    args.push(`${name}+`, changesText(base, body));
    return;
  }
  args.push(name, JSON.stringify(body));
  if (base === undefined) args.push(`${name}+`, "");
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
    if (/^\d+$/.test(name)) steps.push({ position: Number(name), body: readChanged(value, found.get(`${name}+`)) });
  }
  return {
    epoch: Number.parseInt(found.get("m") ?? "", 10),
    intent: JSON.parse(found.get("i") ?? "") as JsonObject,
    head: readChanged(found.get("h") ?? "", found.get("h+")),
    steps: steps.toSorted((a, b) => a.position - b.position),
  };
}
