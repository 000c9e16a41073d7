import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { startServer } from "./child.ts";
import { connect } from "./client.ts";
import { countCommits } from "./commits.ts";
import { milliseconds, perSecond } from "./figures.ts";
import { type Call, compete, drive, type Load, overall, ratio } from "./load.ts";
import type { Bench, Outcome, Row } from "./part.ts";

const COMMITS = 4;

/** Part: a saga over HTTP, beside a bare server that does nothing but the same number of commits. */
export async function latencyPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const counts = await countCommits(join(directory, "latency-rows"), 20);
  const rowBytes = Math.round(counts.committedBytes / counts.sagas / COMMITS);
  const folders = { ours: join(directory, "latency-ours"), limit: join(directory, "latency-limit") };
  await mkdir(folders.limit, { recursive: true });
  const ours = await startServer("tests/bench/bench-server.ts", { DATA_DIR: folders.ours }, "/health/ready");
  const limit = await startServer("tests/bench/limit-server.ts", {
    DATA_DIR: folders.limit,
    ROW_BYTES: String(rowBytes),
  });
  try {
    const { saga } = await connect(ours.url);
    const post = (path: string): Call => ({ ...saga, url: `${limit.url}${path}` });
    await drive(saga, 8, quick ? 1_000 : 5_000);
    const contest = quick ? { rounds: 2, roundMs: 500 } : { rounds: 7, roundMs: 4_000 };
    const rows: Row[] = [];
    const figures: Record<string, readonly Load[] | undefined> = {};
    for (const clients of [1, 32]) {
      say(`sagas over HTTP, ${clients} client(s), ${contest.rounds} rounds`);
      const calls = [saga, post("/alone"), ...(clients === 1 ? [] : [post("/grouped")])];
      const [mine = [], alone = [], grouped] = await compete(calls, { ...contest, clients });
      const name = `${clients} client${clients === 1 ? "" : "s"}`;
      figures[`ours, ${name}`] = mine;
      figures[`limit, ${name}`] = alone;
      figures[`limit with shared flushes, ${name}`] = grouped;
      rows.push(...compared(name, "limit", mine, alone));
      if (grouped !== undefined) rows.push(...compared(name, "limit with shared flushes", mine, grouped).slice(0, 2));
    }
    return { rows, figures: { rowBytes, ...figures } };
  } finally {
    await Promise.all([ours.stop(), limit.stop()]);
  }
}

function compared(name: string, other: string, mine: readonly Load[], theirs: readonly Load[]): readonly Row[] {
  const [here, there] = [overall(mine), overall(theirs)];
  const row = (figure: "p50Ms" | "p99Ms" | "perSecond", title: string, unit: (value: number) => string): Row => ({
    figure: `${title}, ${name}`,
    measured: unit(here[figure]),
    beside: `${unit(there[figure])} ${other}`,
    ratio: ratio(figure, mine, theirs),
  });
  return [
    row("perSecond", "3-step sagas over HTTP", perSecond),
    row("p50Ms", "their p50", milliseconds),
    row("p99Ms", "their p99", milliseconds),
  ];
}
