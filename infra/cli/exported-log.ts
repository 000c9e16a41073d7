import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { StringDecoder } from "node:string_decoder";

import { ChainVerifier, type FaultyChain } from "../../shared/state/chain-verification.ts";
import { usageError } from "./exit-codes.ts";

/** What was found in an exported log, without asking any runtime. */
export interface ExportedLog {
  readonly files: number;
  readonly entries: number;
  readonly chains: number;
  readonly faults: readonly FaultyChain[];
  /** Files whose bytes are not those that their names tell (SHA-256). */
  readonly altered: readonly string[];
  /** Executions whose end is not in it: they went on later, or it was cut off. */
  readonly unended: readonly string[];
}

/**
 * Verifies the log that `log_retention` exports, `wal/<tenant>/<date>/<sha256>.jsonl`: a folder of days from the log's beginning, or one
 * file, of which the first entry of each chain is taken on trust. Throws `cli.usage` for what is neither.
 */
export async function verifyExport(path: string, tell: (entries: number) => void): Promise<ExportedLog> {
  const found = await stat(path).catch((error: unknown) => {
    throw usageError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  });
  const files = found.isDirectory() ? await exportedDays(path) : [path];
  if (files.length === 0) throw usageError(`${path} has no .jsonl file in it, nor below.`);
  const verifier = new ChainVerifier({ fromTheStart: found.isDirectory() });
  const altered: string[] = [];
  let entries = 0;
  for (const file of files) {
    const hash = createHash("sha256");
    for await (const line of linesOf(file, hash)) {
      verifier.take(line);
      entries += 1;
      tell(entries);
    }
    const [named] = /^[0-9a-f]{64}(?=\.jsonl$)/.exec(basename(file)) ?? [];
    if (named !== undefined && named !== hash.digest("hex")) altered.push(file);
  }
  const { chains, faults } = verifier.result;
  return { files: files.length, entries, chains, faults, altered, unended: verifier.unended };
}

/** One file a day, the oldest first. A day that was exported again has two, and the later, which is the longer, has all of it. */
async function exportedDays(folder: string): Promise<readonly string[]> {
  const longest = new Map<string, { readonly file: string; readonly sizeBytes: number }>();
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith(".jsonl")) continue;
    const file = join(folder, name);
    const { size: sizeBytes } = await stat(file);
    const day = dirname(file);
    if (sizeBytes > (longest.get(day)?.sizeBytes ?? -1)) longest.set(day, { file, sizeBytes });
  }
  return [...longest.keys()].toSorted().map((day) => longest.get(day)?.file ?? "");
}

async function* linesOf(file: string, hash: Hash): AsyncIterable<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
