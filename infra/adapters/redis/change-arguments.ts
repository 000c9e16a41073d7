import type { Change, LogRow, Mail, OutboxMessage, RecordWrite } from "../../../shared/ports/execution-store.ts";
import { escaped } from "./keys.ts";
import { elementOf } from "./log-element.ts";
import { countKey, timeKey } from "./sortable.ts";

/**
 * A change as the scripts take it: see scripts/change.lua.ts. `places` are those of what is changed beside the log: indexes and
 * members in turn.
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
  const words = [...places, ...groups.flatMap(({ rows }) => logPlaces(rows))];
  args.push(String(words.length));
  for (const word of words) args.push(word);
}

/**
 * Where the entries of one stream are found: by time, type and session. Entries that follow each other and would lie side by side
 * in an index have one place there.
 */
function logPlaces(rows: readonly LogRow[]): string[] {
  const words: string[] = [];
  for (const run of runs(rows, () => "")) words.push("lt", memberOf(run));
  for (const run of runs(rows, ({ eventType }) => eventType)) words.push(typeIndex(run[0].eventType), memberOf(run));
  for (const run of runs(rows, ({ sessionId }) => sessionId ?? "")) {
    if (run[0].sessionId !== undefined) words.push(sessionIndex(run[0].sessionId), memberOf(run));
  }
  return words;
}

/** Entries of one stream and one time that follow each other. */
type Run = [LogRow, ...LogRow[]];

function memberOf([first, ...others]: Run): string {
  const { timestampMs, stream, sequence } = first;
  return `${timeKey(timestampMs)}${escaped(stream)} ${countKey(sequence)} ${1 + others.length}`;
}

export function typeIndex(eventType: string): string {
  return `ly:${escaped(eventType)}`;
}

export function sessionIndex(sessionId: string): string {
  return `ln:${escaped(sessionId)}`;
}

function runs(rows: readonly LogRow[], same: (row: LogRow) => string): Run[] {
  const all: Run[] = [];
  for (const row of rows) {
    const run = all.at(-1);
    if (run !== undefined && run[0].timestampMs === row.timestampMs && same(run[0]) === same(row)) run.push(row);
    else all.push([row]);
  }
  return all;
}

/** A message as it rests: its ordering key in front, where a script reads it. */
function messageText({ tenantId, topic, orderingKey, attributes, data }: OutboxMessage): string {
  return `${escaped(orderingKey)} ${JSON.stringify([tenantId, topic, orderingKey, attributes, data])}`;
}
