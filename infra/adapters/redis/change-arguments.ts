import type { Change, LogRow, Mail, OutboxMessage, RecordWrite } from "../../../shared/ports/execution-store.ts";
import { escaped } from "./keys.ts";
import { elementOf } from "./log-element.ts";
import { countKey, timeKey } from "./sortable.ts";

/** A change as the scripts take it: see scripts/change.lua.ts. */
export function changeArguments({ records, log, outbox, mail }: Change): string[] {
  const args = [String(records.length)];
  for (const record of records) pushRecord(args, record);
  pushLog(args, log);
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

function pushLog(args: string[], log: readonly LogRow[]): void {
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
  if (groups.length > 0) pushPlaces(args, groups);
}

/**
 * Where the entries are found: by time, type and session. Entries that follow each other and would lie side by side in an index
 * have one place there.
 */
function pushPlaces(args: string[], groups: readonly Group[]): void {
  const places = new Map<string, string[]>();
  const place = (index: string, group: number, run: readonly LogRow[]): void => {
    const [first] = run;
    if (first === undefined) return;
    const members = places.get(index) ?? [];
    places.set(index, members);
    const rest = `${countKey(first.sequence)} ${run.length} ${escaped(first.stream)}`;
    members.push(timeKey(first.timestampMs), String(group + 1), rest);
  };
  for (const [number, { rows }] of groups.entries()) {
    for (const run of runs(rows, () => "")) place("lt", number, run);
    for (const run of runs(rows, ({ eventType }) => eventType)) place(typeIndex(run[0]?.eventType ?? ""), number, run);
    for (const run of runs(rows, ({ sessionId }) => sessionId ?? "")) {
      const sessionId = run[0]?.sessionId;
      if (sessionId !== undefined) place(sessionIndex(sessionId), number, run);
    }
  }
  args.push(String(places.size));
  for (const [index, members] of places) args.push(index, String(members.length / 3), ...members);
}

export function typeIndex(eventType: string): string {
  return `ly:${escaped(eventType)}`;
}

export function sessionIndex(sessionId: string): string {
  return `ln:${escaped(sessionId)}`;
}

function runs(rows: readonly LogRow[], same: (row: LogRow) => string): LogRow[][] {
  const all: LogRow[][] = [];
  let last: LogRow | undefined;
  for (const row of rows) {
    if (last !== undefined && last.timestampMs === row.timestampMs && same(last) === same(row)) all.at(-1)?.push(row);
    else all.push([row]);
    last = row;
  }
  return all;
}

/** A message as it rests: its ordering key in front, where a script reads it. */
function messageText({ tenantId, topic, orderingKey, attributes, data }: OutboxMessage): string {
  return `${escaped(orderingKey)} ${JSON.stringify([tenantId, topic, orderingKey, attributes, data])}`;
}
