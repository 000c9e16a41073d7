import type { Change, LogRow, Mail, OutboxMessage, RecordWrite } from "../../../shared/ports/execution-store.ts";
import { escaped } from "./keys.ts";
import { elementOf } from "./log-element.ts";
import { timeKey } from "./sortable.ts";

/**
 * A change as the scripts take it: see scripts/change.lua.ts. `places` are lines for the queue: those of what is changed beside the
 * log.
 */
export function changeArguments({ records, log, outbox, mail }: Change, places: readonly string[] = []): string[] {
  const args = [String(records.length)];
  for (const record of records) pushRecord(args, record);
  pushLog(args, log, places);
  args.push(String(outbox.length));
  for (const message of outbox) args.push(escaped(message.eventId), messageText(message));
  args.push(String(mail.length));
  for (const letter of mail) pushMail(args, letter);
  return args;
}

function pushRecord(args: string[], record: RecordWrite): void {
  const { kind, id, expectedVersion, sortMs, usableUntilMs, body, facets } = record;
  args.push(
    escaped(kind),
    escaped(id),
    String(expectedVersion),
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

function pushLog(args: string[], log: readonly LogRow[], places: readonly string[]): void {
  const groups: Group[] = [];
  for (const row of log) {
    const group = groups.at(-1);
    if (group !== undefined && group.last.stream === row.stream && group.last.sequence + 1 === row.sequence) {
      group.rows.push(row);
      group.last = row;
    } else groups.push({ rows: [row], first: row, last: row });
  }
  args.push(String(groups.length));
  for (const { rows, first } of groups) args.push(escaped(first.stream), String(first.sequence), String(rows.length));
  for (const row of log) args.push(elementOf(row));
  args.push([...places, ...groups.flatMap(({ rows }) => logPlaces(rows))].join("\n"));
}

/**
 * Where the entries of one stream are found: by time, type and session, as lines of the queue (scripts/place.lua.ts). Entries that
 * follow each other and would lie side by side in an index have one place there.
 */
function logPlaces(rows: readonly LogRow[]): string[] {
  return runs(rows, ({ timestampMs, sessionId }) => `${timestampMs} ${sessionId}`).map((run) => {
    const [{ timestampMs, stream, sequence, sessionId }] = run;
    const all = `;0;${run.length}`;
    const shared = [`+lt${all}`];
    for (const [row, ...others] of runs(run, ({ eventType }) => eventType)) {
      shared.push(`+${typeIndex(row.eventType)};${row.sequence - sequence};${1 + others.length}`);
    }
    const few = sessionId === undefined ? "" : `+${sessionIndex(sessionId)}${all}`;
    return `${shared.join(",")} ${few} ${timeKey(timestampMs)}${escaped(stream)} ${sequence}`;
  });
}

export function typeIndex(eventType: string): string {
  return `ly:${escaped(eventType)}`;
}

export function sessionIndex(sessionId: string): string {
  return `ln:${escaped(sessionId)}`;
}

/** Entries that follow each other, parted where `key` changes. */
function runs(rows: readonly LogRow[], key: (row: LogRow) => string): Run[] {
  const all: Run[] = [];
  let last: string | undefined;
  for (const row of rows) {
    const own = key(row);
    const run = all.at(-1);
    if (run !== undefined && own === last) run.push(row);
    else all.push([row]);
    last = own;
  }
  return all;
}

type Run = [LogRow, ...LogRow[]];

/** A message as it rests: its ordering key in front, where a script reads it. */
function messageText({ tenantId, topic, orderingKey, attributes, data }: OutboxMessage): string {
  return `${escaped(orderingKey)} ${JSON.stringify([tenantId, topic, orderingKey, attributes, data])}`;
}
