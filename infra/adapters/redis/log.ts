import type { ExecutionId, TenantId } from "../../../shared/ids.ts";
import type { LogFilter } from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf, type Position, readPosition } from "../../../shared/ports/page-cursor.ts";
import { sessionIndex, typeIndex } from "./change-arguments.ts";
import { escaped, tenantRoot } from "./keys.ts";
import { type LogElement, matches, readElements } from "./log-element.ts";
import { texts } from "./replies.ts";
import { defineScript, type RunScript } from "./script.ts";
import { READ_LOG, READ_STREAM } from "./scripts/reading.lua.ts";
import { readTimeKey, TIME_DIGITS, timeKey } from "./sortable.ts";

const readStream = defineScript("read-stream", READ_STREAM);
const readIndex = defineScript("read-log", READ_LOG);

/** The append-only log, read along the stream of an execution, or along an index of the tenant. */
export function createLog(run: RunScript, root: string) {
  const ofExecution = async (
    tenantId: TenantId,
    executionId: ExecutionId,
    filter: LogFilter,
    page: PageRequest,
  ): Promise<Page<string>> => {
    const [tenant, name] = [tenantRoot(root, tenantId), escaped(executionId)];
    const keys = [`${tenant}l:${name}`, `${tenant}x:${name}`];
    const newest = filter.order === "newest";
    const floor = filter.afterSequence ?? 0;
    const after = Number(readPosition(page.cursor, ["number"])?.[0] ?? 0);
    let from = newest ? after : Math.max(after, floor);
    const found: Found[] = [];
    for (;;) {
      const room = page.limit + 1 - found.length;
      if (room <= 0) break;
      const reply = texts(await run(readStream, keys, [filter.order, String(room), String(from)]));
      const [constants = null, before = null, ...elements] = reply;
      const entries = readElements({ tenantId, name, constants, before }, elements);
      for (const entry of newest ? entries.toReversed() : entries) {
        from = entry.sequence;
        if (matches(filter, entry)) found.push({ text: entry.text, position: [entry.sequence] });
      }
      if (elements.length < room || (newest && from <= floor + 1)) break;
    }
    return cut(found, page);
  };

  const ofTenant = async (tenantId: TenantId, filter: LogFilter, page: PageRequest): Promise<Page<string>> => {
    const tenant = tenantRoot(root, tenantId);
    const indexes: string[] = [];
    if (filter.eventType !== undefined) indexes.push(tenant + typeIndex(filter.eventType));
    if (filter.sessionId !== undefined) indexes.push(tenant + sessionIndex(filter.sessionId));
    if (indexes.length === 0) indexes.push(`${tenant}lt`);
    const { order, fromMs, toMs } = filter;
    const range = [fromMs, toMs].map((timeMs) => (timeMs === undefined ? "" : timeKey(timeMs)));
    let behind: readonly [head: string, sequence: string] | undefined = placeBehind(page.cursor);
    const found: Found[] = [];
    while (behind !== undefined && found.length <= page.limit) {
      const args = [tenant, order, String(page.limit + 1 - found.length), ...range, ...behind];
      const [head, sequence, ...runs] = texts(await run(readIndex, indexes, args));
      for (const { place, entries } of readRuns(tenantId, runs)) {
        for (const entry of order === "newest" ? entries.toReversed() : entries) {
          if (matches(filter, entry)) found.push({ text: entry.text, position: positionOf(place, entry) });
        }
      }
      behind = head ? [head, sequence ?? ""] : undefined;
    }
    return cut(found, page);
  };

  return {
    read: (tenantId: TenantId, filter: LogFilter, page: PageRequest): Promise<Page<string>> =>
      filter.executionId === undefined
        ? ofTenant(tenantId, filter, page)
        : ofExecution(tenantId, filter.executionId, filter, page),
  };
}

interface Found {
  readonly text: string;
  readonly position: Position;
}

/** What READ_LOG replies, run by run. */
function readRuns(tenantId: TenantId, reply: readonly (string | null)[]) {
  const runs: { readonly place: string; readonly entries: readonly LogElement[] }[] = [];
  for (let at = 0; at + 3 < reply.length;) {
    const [place, constants = null, count, before = null] = reply.slice(at, at + 4);
    const ends = at + 4 + Number(count);
    const stream = { tenantId, name: (place ?? "").slice(TIME_DIGITS), constants, before };
    runs.push({ place: place ?? "", entries: readElements(stream, reply.slice(at + 4, ends)) });
    at = ends;
  }
  return runs;
}

/** Where the page before ended: time and stream as places begin with them, and the sequence. */
function placeBehind(cursor: string | undefined): readonly [head: string, sequence: string] {
  const position = readPosition(cursor, ["number", "string", "number"]);
  if (position === undefined) return ["", "0"];
  const [time, stream, sequence] = position;
  return [timeKey(Number(time)) + String(stream), String(sequence)];
}

function positionOf(place: string, { sequence }: LogElement): Position {
  return [readTimeKey(place.slice(0, TIME_DIGITS)), place.slice(TIME_DIGITS), sequence];
}

function cut(found: readonly Found[], page: PageRequest): Page<string> {
  return pageOf(
    found,
    page,
    ({ text }) => text,
    ({ position }) => position,
  );
}
