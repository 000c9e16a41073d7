import { join } from "node:path";

import { type Backend, onRedis } from "./backends.ts";
import { runScript, type ServerProcess, startServer } from "./child.ts";
import { type Client, connect } from "./client.ts";
import { count, milliseconds } from "./figures.ts";
import { compete, drive, overall, ratio } from "./load.ts";
import type { Bench, Outcome, Row } from "./part.ts";

const ENTRIES_A_SAGA = 10;
const READS: readonly { readonly title: string; readonly call: keyof Client }[] = [
  { title: "GET status, p50", call: "status" },
  { title: "GET /wal by type, newest 50, p50", call: "log" },
  { title: "GET /executions, newest 50, p50", call: "executions" },
];

interface Grown {
  readonly backend: Backend;
  readonly server: ServerProcess;
}

/** Part: what reads cost on a Redis that holds few log entries and on one that holds a hundred times as many, in turns. */
export async function redisGrowthPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const sizes = quick ? [1_000, 10_000] : [10_000, 1_000_000];
  const grown: Grown[] = [];
  try {
    for (const entries of sizes) grown.push(await grow(join(directory, `redis-growth-${entries}`), entries, say));
    const clients = await Promise.all(grown.map(({ server }) => connect(server.url)));
    for (const client of clients) for (const { call } of READS) await drive(client[call], 1, quick ? 300 : 2_000);
    const rows: Row[] = [];
    const figures: Record<string, object> = {};
    for (const { title, call } of READS) {
      const calls = clients.map((client) => client[call]);
      const contest = quick ? { rounds: 2, roundMs: 300 } : { rounds: 7, roundMs: 1_000 };
      const loads = await compete(calls, { ...contest, clients: 1 });
      figures[title] = loads;
      const [few = [], many = []] = loads;
      rows.push({
        figure: `redis: ${title}, at ${count(sizes[1] ?? 0)} log entries`,
        measured: milliseconds(overall(many).p50Ms),
        beside: `${milliseconds(overall(few).p50Ms)} at ${count(sizes[0] ?? 0)}`,
        ratio: ratio("p50Ms", many, few),
      });
    }
    return { rows, figures };
  } finally {
    for (const { server, backend } of grown) {
      await server.stop();
      await backend.stop();
    }
  }
}

/** A Redis filled by sagas that ran on it through the real engine. */
async function grow(directory: string, entries: number, say: (line: string) => void): Promise<Grown> {
  const backend = await onRedis("redis", directory, "everysec");
  try {
    const sagas = String(entries / ENTRIES_A_SAGA);
    await runScript("tests/bench/seed-database.ts", ["0", sagas], backend.environment, (line) =>
      say(`seeding: ${line}`),
    );
    const server = await startServer("tests/bench/bench-server.ts", backend.environment, "/health/ready");
    return { backend, server };
  } catch (error) {
    await backend.stop();
    throw error;
  }
}
