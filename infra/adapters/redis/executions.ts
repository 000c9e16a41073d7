import { asId, type ExecutionId, type TenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type {
  Acceptance,
  AcceptOutcome,
  Base,
  Change,
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
import { claimed, committed, createStandings, opened, type Standing } from "./standing.ts";

const accept = defineScript("accept", ACCEPT);
const commit = defineScript("commit", COMMIT);
const claim = defineScript("claim", CLAIM);
const read = defineScript("read-execution", READ_EXECUTION);

/** How many arguments a script passes on to one call. */
const MAX_AT_ONCE = 1_000;

/** Executions: one script call for whatever is done to one. */
export function createExecutions(run: RunScript, root: string, sender: Sender) {
  const keyOf = (tenantId: TenantId, executionId: ExecutionId): string =>
    `${tenantRoot(root, tenantId)}x:${escaped(executionId)}`;

  const standings = createStandings();

  return {
    accept: async (acceptance: Acceptance): Promise<AcceptOutcome> => {
      const { tenantId, executionId, idempotency, requires, state, change } = acceptance;
      const key = keyOf(tenantId, executionId);
      const number = sender.next();
      const worker = escaped(acceptance.workerId);
      const entries = change.log.filter(({ stream }) => stream === executionId).length;
      const created = timeKey(acceptance.createdMs);
      const { terminal } = state;
      const standing = opened(worker, { status: escaped(state.status), created, entries, terminal }, [
        sender.name,
        number,
      ]);
      const written = ["c", constantsOf(acceptance), "m", standing.meta, "i", JSON.stringify(acceptance.intent)];
      pushFields(written, state);
      const { kind, id, atMs, prolongToMs } = requires;
      const args = [
        `${worker} ${terminal ? 1 : 0} ${acceptance.createdMs} ${atMs} ${prolongToMs} ${written.length}`,
        `${sender.name}:${number} ${idempotencyWords(idempotency)}`,
        ...placesOfEntries(isPlain(change, executionId, 0), 4 + written.length, change),
        ...written,
        ...changeArguments(change, executionId, [placeOf(acceptance)]),
      ];
      const reply = await run(accept, [key, `${tenantRoot(root, tenantId)}r:${escaped(kind)}:${escaped(id)}`], args);
      const [outcome = "", first = ""] = words(reply);
      if (outcome === "accepted") {
        if (!terminal) standings.keep(key, standing);
        return { outcome, epoch: 1 };
      }
      if (outcome === "duplicate") return { outcome, executionId: asId.execution(unescaped(first)) };
      if (outcome === "mismatch")
        return { outcome: "idempotency_mismatch", executionId: asId.execution(unescaped(first)) };
      return outcome === "unmet" ? { outcome: "requirement_unmet" } : refusalOf(words(reply));
    },

    commit: async (asked: Commit): Promise<CommitOutcome> => {
      const { tenantId, executionId, epoch, state, change, readMail, release } = asked;
      const key = keyOf(tenantId, executionId);
      const number = sender.next();
      const before = standings.take(key, epoch);
      const after = before && committed(before, asked, [sender.name, number]);
      const written: string[] = [];
      pushFields(written, state);
      const becomes = `${escaped(state.status)} ${state.terminal ? 1 : 0}`;
      const args = [
        `${epoch} ${sender.name} ${number} ${becomes} ${releaseWords(release)} ${written.length} ${readMail.length}`,
        ...expectation(asked, before, 8 + written.length),
        "m",
        after?.meta ?? "",
        ...written,
        ...readMail,
        ...changeArguments(change, executionId),
      ];
      const reply = await run(commit, [key], args);
      const [outcome = "", held, mail] = words(reply);
      if (outcome === "committed") {
        if (after !== undefined && held === "1" && mail === "0") standings.keep(key, after);
        return { outcome, held: held === "1", mail: mail === "1" };
      }
      return outcome === "fenced" ? { outcome } : refusalOf(words(reply));
    },

    claim: async (asked: ClaimRequest): Promise<ClaimOutcome> => {
      const { tenantId, executionId, workerId, nowMs, deadAfterMs, claimId } = asked;
      const delivery = claimId === undefined ? sender.delivery() : escaped(claimId);
      const args = [escaped(workerId), delivery, String(nowMs), String(nowMs - deadAfterMs)];
      const key = keyOf(tenantId, executionId);
      const reply = texts(await run(claim, [key], args));
      const [outcome, epoch] = reply;
      if (outcome === "absent" || outcome === "terminal" || outcome === "held") return { outcome };
      if (outcome !== "claimed") throw unexpected(outcome ?? null);
      const found = fields(reply.slice(2));
      const standing = claimed(found.get("m") ?? "");
      if (standing !== undefined) standings.keep(key, standing);
      return { outcome, epoch: Number(epoch), execution: storedExecution(found) };
    },

    read: async (tenantId: TenantId, executionId: ExecutionId): Promise<StoredExecution | undefined> => {
      const found = fields(await run(read, [keyOf(tenantId, executionId)], []));
      return found.get("m") === undefined ? undefined : storedExecution(found);
    },
  };
}

/** Whether nothing is in a change but the next entries of one log, few enough for one call, and messages. */
function isPlain({ records, log, mail }: Change, stream: string, entries: number): boolean {
  return (
    records.length === 0 &&
    mail.length === 0 &&
    log.length > 0 &&
    log.length <= MAX_AT_ONCE &&
    log.every((row, at) => row.stream === stream && row.sequence === entries + at + 1)
  );
}

/** Whether all that a commit changes is known beforehand, when the execution stands as expected: it goes on, or it ends. */
function isExpected({ executionId, state, change, readMail, release }: Commit, { entries }: Standing): boolean {
  return (
    state.terminal === (release !== undefined) &&
    release?.wakeAtMs === undefined &&
    readMail.length === 0 &&
    state.steps.length <= MAX_AT_ONCE / 4 &&
    isPlain(change, executionId, entries)
  );
}

/** What a commit is compared with, and what it writes where both are equal; empty where it must go the long way: see scripts/commit.lua.ts. */
function expectation(asked: Commit, known: Standing | undefined, behind: number): readonly string[] {
  if (known === undefined || !isExpected(asked, known)) return ["", "", "", "", ""];
  const { executionId, change, state } = asked;
  const place = placeOfStatus(known, escaped(state.status), state.terminal, executionId);
  return [known.meta, ...placesOfEntries(true, behind, change), place, state.terminal ? known.owner : ""];
}

function releaseWords(release: Commit["release"]): string {
  if (release === undefined) return "keep 0";
  return `${release.wakeAtMs ?? "never"} ${release.evenWithMail === true ? 1 : 0}`;
}

/** Where the entries of a plain change are, behind so many arguments and the counts. */
function placesOfEntries(plain: boolean, behind: number, { log }: Change): readonly [string, string] {
  return plain ? [String(behind + 2), String(behind + 1 + log.length)] : ["", ""];
}

/** A line of the queue (scripts/place.lua.ts) for a status that changes; "" where it does not. */
function placeOfStatus(known: Standing, status: string, terminal: boolean, executionId: ExecutionId): string {
  const place = `${known.created}${escaped(executionId)}`;
  if (terminal) return `-xl,-xs:${known.status},+xs:${status}  ${place}`;
  return known.status === status ? "" : `-xs:${known.status},=xs:${status}  ${place}`;
}

/** What does not change of an execution: field c (scripts/accept.lua.ts). */
function constantsOf({ sessionId, intentType, workerId, change, executionId }: Acceptance): string {
  return `${escaped(sessionId)} ${escaped(intentType)} ${escaped(workerId)} ${sharedWords(change.log, executionId)}`;
}

function idempotencyWords(idempotency: Acceptance["idempotency"]): string {
  if (idempotency === undefined) return `${NONE} % 0`;
  return `${escaped(idempotency.key)} ${escaped(idempotency.digest)} ${idempotency.expiresMs}`;
}

/** Adds fields of the execution and their values in turn: see scripts/accept.lua.ts. */
function pushFields(args: string[], { head, base, steps }: ExecutionPatch): void {
  pushField(args, "h", head, base);
  for (const step of steps) pushField(args, String(step.position), step.body, step.base);
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
