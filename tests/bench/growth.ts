import { startServer } from "./child.ts";
import { type Client, connect } from "./client.ts";
import { count, milliseconds, perSecond } from "./figures.ts";
import { compete, type Contest, drive, type Load, overall, ratio } from "./load.ts";
import type { Bench, Outcome, Row } from "./part.ts";

interface Subject {
  readonly title: string;
  readonly call: keyof Client;
  readonly clients: number;
  readonly figure: "p50Ms" | "perSecond";
}

// Reads come first: they leave the databases as large as they are.
const SUBJECTS: readonly Subject[] = [
  { title: "GET status, p50", call: "status", clients: 1, figure: "p50Ms" },
  { title: "GET /wal by type, newest 50, p50", call: "log", clients: 1, figure: "p50Ms" },
  { title: "GET /executions, newest 50, p50", call: "executions", clients: 1, figure: "p50Ms" },
  { title: "3-step saga, 1 client, p50", call: "saga", clients: 1, figure: "p50Ms" },
  { title: "3-step sagas, 32 clients", call: "saga", clients: 32, figure: "perSecond" },
];

/** Part: what the same server does on a small and on a large database, in turns. */
export async function growthPart({ databases, quick, say }: Bench): Promise<Outcome> {
  const { small, large } = await databases.seeded();
  const servers = await Promise.all(
    [small, large].map(({ directory }) =>
      startServer("tests/bench/bench-server.ts", { DATA_DIR: directory }, "/health/ready"),
    ),
  );
  try {
    const clients = await Promise.all(servers.map(({ url }) => connect(url)));
    for (const { saga } of clients) await drive(saga, 1, quick ? 500 : 3_000);
    const rows: Row[] = [];
    const figures: Record<string, readonly Load[][]> = {};
    for (const subject of SUBJECTS) {
      say(`${subject.title}, at ${count(small.executions)} and ${count(large.executions)} executions`);
      const calls = clients.map((client) => client[subject.call]);
      const loads = await compete(calls, { ...contest(quick, subject), clients: subject.clients });
      figures[subject.title] = loads;
      const [few = [], many = []] = loads;
      const unit = subject.figure === "p50Ms" ? milliseconds : perSecond;
      rows.push({
        figure: `${subject.title}, at ${count(large.executions)} executions`,
        measured: unit(overall(many)[subject.figure]),
        beside: `${unit(overall(few)[subject.figure])} at ${count(small.executions)}`,
        ratio: ratio(subject.figure, many, few),
      });
    }
    return { rows, figures };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** Rounds of sagas are short, so that the small database stays small. */
function contest(quick: boolean, { call }: Subject): Omit<Contest, "clients"> {
  if (quick) return { rounds: 2, roundMs: 300 };
  return call === "saga" ? { rounds: 9, roundMs: 500 } : { rounds: 7, roundMs: 1_000 };
}
