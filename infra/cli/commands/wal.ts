import { parseRfc3339, rfc3339 } from "../../../shared/clock.ts";
import { EVENT_TYPES, type LogEntry } from "../../../shared/state/log-entry.ts";
import type { Api, Query } from "../api.ts";
import { command, type Run, wholeNumber } from "../command.ts";
import { entryLine } from "../entry-line.ts";
import { readEntries } from "../executions.ts";
import { EXIT } from "../exit-codes.ts";
import { instantOf, TIME_FLAGS } from "../log-filter.ts";

const LOOK_EVERY_MS = 500;
/** Commits of several processes may come a little out of the order of their times. */
const OVERLAP_MS = 2_000;

export const wal = command({
  name: "wal",
  summary: "read the write-ahead log",
  args: [],
  flags: {
    type: { type: "string", value: "TYPE", choices: EVENT_TYPES, about: "only entries of this type" },
    execution: { type: "string", value: "ID", about: "only those of this execution" },
    session: { type: "string", value: "ID", about: "only those of this session" },
    ...TIME_FLAGS,
    order: { type: "string", value: "ORDER", choices: ["newest", "chronological"], about: "what comes first" },
    limit: { type: "string", value: "N", about: "how many; default 50, or all with --from" },
    follow: { type: "boolean", about: "go on with entries as they come, until Ctrl-C" },
  },
  remote: true,
  notes: ["Without --order the newest entries are shown as tail does: the last of them last."],
  examples: ["symphainy wal --follow", "symphainy wal --type step_failed --from 1h --json | jq .payload.error.code"],
  run: async (run) => {
    const { flags, style } = run;
    const from = instantOf("from", flags.from, run.now());
    const filter = {
      type: flags.type,
      execution_id: flags.execution,
      session_id: flags.session,
      from,
      to: instantOf("to", flags.to, run.now()),
    };
    const limit = wholeNumber("limit", flags.limit, from === undefined ? 50 : Number.POSITIVE_INFINITY);
    const { api } = await run.connect();
    const show = (entry: LogEntry): void => (run.json ? run.printJson(entry) : run.print(entryLine(entry, style)));

    const shown: LogEntry[] = [];
    const tail = flags.order === undefined && from === undefined;
    const order = tail ? "newest" : (flags.order ?? "chronological");
    const found = readEntries(api, { ...filter, order }, limit);
    if (tail) shown.push(...(await Array.fromAsync(found)).toReversed());
    else
      for await (const entry of found) {
        show(entry);
        if (flags.follow) shown.push(entry);
      }
    if (tail) shown.forEach(show);
    if (flags.follow) await follow(run, api, filter, shown, show);
    return EXIT.ok;
  },
});

/** Shows what comes after the entries that were shown, each once, until Ctrl-C. */
async function follow(
  run: Pick<Run, "sleep" | "interrupted" | "now">,
  api: Api,
  filter: Query,
  before: readonly LogEntry[],
  show: (entry: LogEntry) => void,
): Promise<void> {
  const atMs = (entry: LogEntry): number => parseRfc3339(entry.timestamp);
  const seen = new Map(before.map((entry) => [entry.event_id as string, atMs(entry)]));
  let newestMs = before.length === 0 ? run.now() : Math.max(...seen.values());
  const oldest = before.toSorted((a, b) => atMs(a) - atMs(b))[0];
  // The first look goes back over entries that are older than those that were shown.
  let isOlder = oldest !== undefined && atMs(oldest) >= newestMs - OVERLAP_MS;
  while (!run.interrupted.aborted) {
    const from = rfc3339(newestMs - OVERLAP_MS);
    for await (const entry of readEntries(api, { ...filter, from, order: "chronological" })) {
      if (entry.event_id === oldest?.event_id) isOlder = false;
      if (!isOlder && !seen.has(entry.event_id)) show(entry);
      seen.set(entry.event_id, atMs(entry));
      newestMs = Math.max(newestMs, atMs(entry));
    }
    isOlder = false;
    for (const [id, ms] of seen) if (ms < newestMs - 2 * OVERLAP_MS) seen.delete(id);
    await run.sleep(LOOK_EVERY_MS, run.interrupted);
  }
}
