import type { Change, LogRow, Mail, OutboxMessage, RecordWrite } from "../../../shared/ports/execution-store.ts";
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

/** A message as it rests: its ordering key in front, where a script reads it, and its data to the letter behind a line feed. */
function messageText({ tenantId, topic, orderingKey, attributes, data }: OutboxMessage): string {
  return `${escaped(orderingKey)} ${JSON.stringify([tenantId, topic, attributes])}\n${data}`;
}
