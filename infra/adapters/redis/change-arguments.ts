import type { Change, LogRow, Mail, OutboxMessage, RecordWrite } from "../../../shared/ports/execution-store.ts";
import { versionAfter } from "../../../shared/ports/record-version.ts";
import { escaped, NONE } from "./keys.ts";
import { elementOf } from "./log-element.ts";
import { timeKey } from "./sortable.ts";

/**
 * A change as the scripts take it: see scripts/change.lua.ts. `own` is the stream that is the writer's; `places` are lines for the
 * queue: those of what is changed beside the log.
 */
export function changeArguments(
  { records, log, outbox, mail }: Change,
  own?: string,
  places: readonly string[] = [],
): string[] {
  const groups = groupsOf(log);
  const counts = [`${records.length} ${outbox.length} ${mail.length}`];
  for (const { rows, first } of groups) {
    counts.push(`${first.stream === own ? NONE : escaped(first.stream)} ${first.sequence} ${rows.length}`);
  }
  const args = [counts.join(" ")];
  for (const record of records) pushRecord(args, record);
  for (const row of log) args.push(elementOf(row));
  args.push([...places, ...groups.flatMap(({ rows }) => logPlaces(rows))].join("\n"));
  for (const message of outbox) args.push(escaped(message.eventId), messageText(message));
  for (const letter of mail) pushMail(args, letter);
  return args;
}

function pushRecord(args: string[], record: RecordWrite): void {
  const { kind, id, sortMs, usableUntilMs, body, facets } = record;
  args.push(
    escaped(kind),
    escaped(id),
    `${record.expectedVersion} ${versionAfter(record)}`,
    timeKey(sortMs),
    usableUntilMs === undefined ? "" : String(usableUntilMs),
    body === undefined ? "" : JSON.stringify(body),
    facets.map(escaped).join(" "),
  );
}

function pushMail(args: string[], { executionId, mailId, body }: Mail): void {
  args.push(escaped(executionId), mailId, JSON.stringify(body));
}

/** Entries of one stream that follow each other. */
interface Group {
  readonly rows: LogRow[];
  readonly first: LogRow;
  last: LogRow;
}

function groupsOf(log: readonly LogRow[]): readonly Group[] {
  const groups: Group[] = [];
  for (const row of log) {
    const group = groups.at(-1);
    if (group !== undefined && group.last.stream === row.stream && group.last.sequence + 1 === row.sequence) {
      group.rows.push(row);
      group.last = row;
    } else groups.push({ rows: [row], first: row, last: row });
  }
  return groups;
}

/**
 * Where the entries of one stream are found: by time, type and session, as lines of the queue (scripts/place.lua.ts). Entries that
 * follow each other and would lie side by side in an index have one place there.
 */
function logPlaces(rows: readonly LogRow[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < rows.length;) {
    const end = endOfRun(rows, at, rows.length, sameMoment);
    const all = `;0;${end - at}`;
    let shared = `+lt${all}`;
    for (let from = at; from < end;) {
      const to = endOfRun(rows, from, end, sameType);
      shared += `,+${typeIndex(rows[from]?.eventType ?? "")};${from - at};${to - from}`;
      from = to;
    }
    const row = rows[at];
    if (row !== undefined) {
      const few = row.sessionId === undefined ? "" : `+${sessionIndex(row.sessionId)}${all}`;
      lines.push(`${shared} ${few} ${timeKey(row.timestampMs)}${escaped(row.stream)} ${row.sequence}`);
    }
    at = end;
  }
  return lines;
}

export function typeIndex(eventType: string): string {
  return `ly:${escaped(eventType)}`;
}

export function sessionIndex(sessionId: string): string {
  return `ln:${escaped(sessionId)}`;
}

type Alike = (row: LogRow, next: LogRow) => boolean;
const sameMoment: Alike = (row, next) => row.timestampMs === next.timestampMs && row.sessionId === next.sessionId;
const sameType: Alike = (row, next) => row.eventType === next.eventType;

/** Behind the last row that is like the one at `from`, looked for until `limit`. */
function endOfRun(rows: readonly LogRow[], from: number, limit: number, alike: Alike): number {
  const first = rows[from];
  let end = from + 1;
  for (let next = rows[end]; end < limit && first !== undefined && next !== undefined; next = rows[end]) {
    if (!alike(first, next)) break;
    end += 1;
  }
  return end;
}

/** A message as it rests: its ordering key in front, where a script reads it, and its data to the letter behind a line feed. */
function messageText({ tenantId, topic, orderingKey, attributes, data }: OutboxMessage): string {
  return `${escaped(orderingKey)} ${JSON.stringify([tenantId, topic, attributes])}\n${data}`;
}
