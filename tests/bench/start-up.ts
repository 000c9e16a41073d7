import { join } from "node:path";

import { startServer } from "./child.ts";
import { connect } from "./client.ts";
import { bytes, count, milliseconds } from "./figures.ts";
import { drive } from "./load.ts";
import type { Bench, Outcome, Row } from "./part.ts";
import { median } from "./statistics.ts";

/** Part: how long the product takes until it is ready, and how much memory it holds. */
export async function startUpPart({ databases, directory, quick, say }: Bench): Promise<Outcome> {
  const { large } = await databases.seeded();
  const empty: number[] = [];
  const full: number[] = [];
  const restingBytes: number[] = [];
  const starts = quick ? 2 : 9;
  say(`${starts} starts on an empty and on a full database`);
  for (let start = 0; start < starts; start += 1) {
    const fresh = await startServer(
      "functions/main.ts",
      { DATA_DIR: join(directory, `start-${start}`) },
      "/health/ready",
    );
    empty.push(fresh.readyAfterMs);
    restingBytes.push(fresh.memory()?.nowBytes ?? Number.NaN);
    await fresh.stop();
    const laden = await startServer("functions/main.ts", { DATA_DIR: large.directory }, "/health/ready");
    full.push(laden.readyAfterMs);
    await laden.stop();
  }
  const loaded = await underLoad(large.directory, quick ? 2_000 : 20_000);
  const rows: Row[] = [
    {
      figure: `start until ready, ${count(large.executions)} executions`,
      measured: milliseconds(median(full)),
      beside: `${milliseconds(median(empty))} empty`,
      ratio: median(full.map((ms, index) => ms / (empty[index] ?? Number.NaN))),
    },
    {
      figure: "resident memory under 32 clients, at its highest",
      measured: loaded === undefined ? "not told here" : bytes(loaded),
      beside: `${bytes(median(restingBytes))} after the start`,
    },
  ];
  return { rows, figures: { emptyMs: empty, fullMs: full, restingBytes, loadedBytes: loaded } };
}

async function underLoad(directory: string, durationMs: number): Promise<number | undefined> {
  const server = await startServer("tests/bench/bench-server.ts", { DATA_DIR: directory }, "/health/ready");
  try {
    const { saga } = await connect(server.url);
    await drive(saga, 32, durationMs);
    return server.memory()?.peakBytes;
  } finally {
    await server.stop();
  }
}
