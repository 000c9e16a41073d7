import * as z from "zod";

import { ChainVerifier, type FaultyChain, verifyChain } from "../../../shared/state/chain-verification.ts";
import type { LogEntry } from "../../../shared/state/log-entry.ts";
import type { Api } from "../api.ts";
import { command, type Run } from "../command.ts";
import { readEntries } from "../executions.ts";
import { EXIT, type ExitCode, usageError } from "../exit-codes.ts";
import { verifyExport } from "../exported-log.ts";
import { instantOf, TIME_FLAGS } from "../log-filter.ts";
import { createProgress } from "../progress.ts";
import { printable } from "../terminal.ts";

interface BrokenChain extends FaultyChain {
  /** The entry at fault; for one that is missing, the one that stands in its place. */
  readonly entry?: Pick<LogEntry, "event_id" | "event_type" | "sequence" | "timestamp"> | undefined;
}

interface Found {
  readonly entries: number;
  readonly chains: number;
  readonly faults: readonly BrokenChain[];
}

const MEANINGS: Readonly<Record<FaultyChain["fault"], string>> = {
  changed: "its hash is not that of its content",
  missing: "it is not there",
  relinked: "it does not follow the entry before it",
};

export const verifyWal = command({
  name: "verify-wal",
  summary: "verify the hash chains of the log, here, entry by entry",
  args: [{ name: "execution_id", about: "one execution; without it the whole log of the tenant", optional: true }],
  flags: {
    session: { type: "string", value: "ID", about: "only what this session did" },
    ...TIME_FLAGS,
    export: { type: "string", value: "PATH", about: "an exported log, a folder or a file; no runtime is asked" },
  },
  remote: true,
  notes: [
    "Each hash is computed on this machine, from what the runtime serves. A stretch that begins with --from takes the first entry\nof each chain on trust. Where a chain stops before its execution ended, and for one execution always, its end is checked against\nwhat the execution's state knows. Exit code 1 for a fault.",
    "With --export the log comes from files: a copy of the tenant's folder wal/<tenant> of the bucket from its first day on, or one day's\nfile, of which the first entry of each chain is taken on trust. Each file must also be what its name, a SHA-256, tells.",
  ],
  examples: [
    "symphainy verify-wal",
    "symphainy verify-wal execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69",
    "symphainy verify-wal --export ./wal/acme",
  ],
  run: async (run) => {
    const { flags, style } = run;
    const [executionId] = run.args;
    if (flags.export !== undefined) {
      const others = [executionId, flags.session, flags.from, flags.to].filter((each) => each !== undefined);
      if (others.length > 0) throw usageError("--export takes all that is in its files: leave the rest out.");
      return verifyFiles(run, flags.export);
    }
    const { api } = await run.connect();
    const range = {
      session_id: flags.session,
      from: instantOf("from", flags.from, run.now()),
      to: instantOf("to", flags.to, run.now()),
    };
    const found = executionId === undefined ? await verifyLog(run, api, range) : await verifyOne(api, executionId);
    const verified = found.faults.length === 0;
    if (run.json) {
      run.printJson({ verified, ...found });
      return verified ? EXIT.ok : EXIT.failed;
    }
    for (const fault of found.faults) run.print(broken(fault));
    const counted = `${found.entries} entries in ${found.chains} chains`;
    run.print(
      verified ? style.green(`${counted}: every hash holds.`) : style.red(`${counted}: ${found.faults.length} broken.`),
    );
    return verified ? EXIT.ok : EXIT.failed;
  },
});

function broken({ stream, sequence, fault, entry }: BrokenChain): string {
  const which = entry === undefined ? "" : ` (${entry.event_type}, ${entry.event_id}, ${entry.timestamp})`;
  return printable(`BROKEN  ${stream}, entry ${sequence}${which}: ${fault}, ${MEANINGS[fault]}`);
}

async function verifyFiles(run: Run, path: string): Promise<ExitCode> {
  const progress = createProgress(run.stderr, run.now);
  const found = await verifyExport(path, (entries) => progress.tell(() => `${entries} entries verified`)).finally(() =>
    progress.end(),
  );
  const verified = found.faults.length === 0 && found.altered.length === 0;
  if (run.json) {
    run.printJson({ verified, ...found });
    return verified ? EXIT.ok : EXIT.failed;
  }
  for (const file of found.altered) run.print(printable(`ALTERED ${file}: its SHA-256 is not its name`));
  for (const fault of found.faults) run.print(broken(fault));
  const counted = `${found.entries} entries in ${found.chains} chains (files: ${found.files})`;
  const open = found.unended.length === 0 ? "" : ` The end of ${found.unended.length} executions is not among them.`;
  run.print(
    verified
      ? run.style.green(`${counted}: every hash holds.${open}`)
      : run.style.red(`${counted}: ${found.faults.length} chains broken, ${found.altered.length} files altered.`),
  );
  return verified ? EXIT.ok : EXIT.failed;
}

type Range = Readonly<Record<"session_id" | "from" | "to", string | undefined>>;

async function verifyLog(run: Pick<Run, "stderr" | "now">, api: Api, range: Range): Promise<Found> {
  const progress = createProgress(run.stderr, run.now);
  const verifier = new ChainVerifier({ fromTheStart: range.from === undefined });
  const startedMs = run.now();
  let entries = 0;
  try {
    for await (const entry of readEntries(api, { ...range, order: "chronological" })) {
      verifier.take(JSON.stringify(entry));
      entries += 1;
      progress.tell(() => {
        const perSecond = Math.round((entries * 1_000) / Math.max(1, run.now() - startedMs));
        return `${entries} entries verified, up to ${entry.timestamp}, ${perSecond}/s`;
      });
    }
    const { chains, faults } = verifier.result;
    const confirmed = await Array.fromAsync(faults, (fault) => confirm(api, fault));
    const unended = range.to === undefined ? verifier.unended : [];
    const cutOff = await Array.fromAsync(unended, async (stream) => (await verifyOne(api, stream)).faults);
    return { entries, chains, faults: [...confirmed.filter((fault) => fault !== undefined), ...cutOff.flat()] };
  } finally {
    progress.end();
  }
}

/**
 * Looks at a chain by itself: an entry that was committed late may have come after its time was read past, and is no fault.
 * What a stretch shows of a chain that is whole by now was such an entry.
 */
async function confirm(api: Api, { stream }: FaultyChain): Promise<BrokenChain | undefined> {
  const isExecution = stream.startsWith("execution_");
  const filter = isExecution ? { execution_id: stream } : { session_id: stream };
  const all = await Array.fromAsync(readEntries(api, { ...filter, order: "chronological" }));
  return faultIn(stream, isExecution ? all : all.filter(({ execution_id }) => execution_id === undefined));
}

const serverAnswer = z.object({
  faults: z.array(z.object({ sequence: z.int(), fault: z.enum(["changed", "missing", "relinked"]) })),
});

async function verifyOne(api: Api, executionId: string): Promise<Found> {
  const chain = await Array.fromAsync(readEntries(api, { execution_id: executionId, order: "chronological" }));
  // A chain cannot show that its end was cut off; the runtime compares it with the state.
  const { faults } = await api.get("/wal/verify", serverAnswer, { execution_id: executionId });
  const found = faultIn(executionId, chain) ?? faults.map((fault) => ({ stream: executionId, ...fault }))[0];
  return { entries: chain.length, chains: 1, faults: found === undefined ? [] : [found] };
}

function faultIn(stream: string, chain: readonly LogEntry[]): BrokenChain | undefined {
  const fault = verifyChain(chain.map((entry) => JSON.stringify(entry)));
  if (fault === undefined) return undefined;
  const at = chain[fault.sequence - 1];
  if (at === undefined) return { stream, ...fault };
  const { event_id, event_type, sequence, timestamp } = at;
  return { stream, ...fault, entry: { event_id, event_type, sequence, timestamp } };
}
