import { Agent, request } from "node:http";

import { median, quantile } from "./statistics.ts";

export interface Call {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly samples: number;
}

/** Makes the same call over and over: `clients` at once, each beginning anew when it has its answer, over kept connections. */
export async function drive(call: Call, clients: number, durationMs: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const latencies: number[] = [];
  const startedMs = performance.now();
  const untilMs = startedMs + durationMs;
  const client = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const sentMs = performance.now();
      await once(call, agent);
      latencies.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const tookMs = performance.now() - startedMs;
  agent.destroy();
  return {
    perSecond: (latencies.length * 1_000) / tookMs,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    samples: latencies.length,
  };
}

export interface Contest {
  readonly clients: number;
  readonly rounds: number;
  readonly roundMs: number;
}

/**
 * Loads several targets in turns, so that a machine that drifts drifts for all of them, after one round that does not count.
 * Every second round goes backwards. The answers are in the order of the calls.
 */
export async function compete(
  calls: readonly Call[],
  { clients, rounds, roundMs }: Contest,
): Promise<readonly Load[][]> {
  const loads: Load[][] = calls.map(() => []);
  for (const call of calls) await drive(call, clients, roundMs);
  for (let round = 0; round < rounds; round += 1) {
    const turns = [...calls.entries()];
    for (const [index, call] of round % 2 === 0 ? turns : turns.toReversed()) {
      loads[index]?.push(await drive(call, clients, roundMs));
    }
  }
  return loads;
}

/** The median of each figure over the rounds. */
export function overall(rounds: readonly Load[]): Load {
  return {
    perSecond: median(rounds.map((round) => round.perSecond)),
    p50Ms: median(rounds.map((round) => round.p50Ms)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
    samples: rounds.reduce((sum, round) => sum + round.samples, 0),
  };
}

/** The median over the rounds of how one target's figure compares with the other's in the same round. */
export function ratio(
  figure: "perSecond" | "p50Ms" | "p99Ms",
  one: readonly Load[] | undefined,
  other: readonly Load[] | undefined,
): number {
  return median((one ?? []).map((load, round) => load[figure] / (other?.[round]?.[figure] ?? Number.NaN)));
}

/** One call, answered with its body. Throws for any status but 200 and 201. */
export function once(call: Call, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...call.headers,
      ...(call.body === undefined ? {} : { "content-length": Buffer.byteLength(call.body) }),
    };
    const sent = request(
      call.url,
      { method: call.method, headers, ...(agent === undefined ? {} : { agent }) },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.once("error", reject);
        response.once("end", () => {
          if (response.statusCode === 200 || response.statusCode === 201) resolve(text);
          else reject(new Error(`${call.method} ${call.url} answered ${response.statusCode ?? 0}: ${text}`));
        });
      },
    );
    sent.once("error", reject);
    sent.end(call.body);
  });
}
