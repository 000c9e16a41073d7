import { join } from "node:path";

import { type Backend, backends } from "./backends.ts";
import { bundled } from "./bundled.ts";
import { type ServerProcess, startServer } from "./child.ts";
import { connect } from "./client.ts";
import { countCommits } from "./commits.ts";
import { ofTheImage, ofV8Alone } from "./container.ts";
import { bytes, milliseconds, perSecond } from "./figures.ts";
import { type Call, drive, type Load, overall, ratio } from "./load.ts";
import type { Bench, Outcome, Row } from "./part.ts";
import { median } from "./statistics.ts";

const COMMITS = 4;
const CLIENTS = [1, 32, 128];
const FOOTPRINT_MS = 10_000;

/** A load, and the CPU time that one call of it cost. */
interface Measured extends Load {
  readonly nodeMicros: number;
  readonly redisMicros: number;
}

interface Target {
  readonly title: string;
  readonly call: Call;
  readonly server: ServerProcess;
}

/** Part: sagas over HTTP on each store, in turns with bare servers that make as many calls of the same store and do nothing else. */
export async function storesPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const counts = await countCommits(join(directory, "stores-rows"), 20);
  const rowBytes = Math.round(counts.committedBytes / counts.sagas / COMMITS);
  const servers = join(directory, "stores-servers");
  const rows: Row[] = [];
  const figures: Record<string, object | number> = { rowBytes };
  for (const [name, start] of Object.entries(backends)) {
    const folder = join(directory, `stores-${name.replaceAll(/\W+/g, "-")}`);
    const outcome = await running(start, folder, (backend) => onBackend(backend, servers, rowBytes, quick, say));
    const memory = await running(start, `${folder}-memory`, (backend) => footprint(backend, servers, quick));
    rows.push(...outcome.rows, ...memory.rows);
    figures[name] = { ...outcome.figures, memory: memory.figures };
  }
  return { rows, figures };
}

/** What is done on a backend of its own, which is gone afterwards. */
async function running<Result>(
  start: (directory: string) => Promise<Backend>,
  directory: string,
  use: (backend: Backend) => Promise<Result>,
): Promise<Result> {
  const backend = await start(directory);
  try {
    return await use(backend);
  } finally {
    await backend.stop();
  }
}

const startOurs = async ({ environment }: Backend, servers: string, heap = ofTheImage): Promise<ServerProcess> =>
  startServer(await bundled("tests/bench/bench-server.ts", servers), { ...environment, ...heap }, "/health/ready");

async function onBackend(
  backend: Backend,
  servers: string,
  rowBytes: number,
  quick: boolean,
  say: (line: string) => void,
): Promise<Outcome> {
  const ours = await startOurs(backend, servers);
  const limit = await startServer(await bundled(backend.limitScript, servers), {
    ...backend.environment,
    ...ofTheImage,
    ROW_BYTES: String(rowBytes),
  });
  try {
    const { saga } = await connect(ours.url);
    const targets: Target[] = [
      { title: "ours", call: saga, server: ours },
      ...Object.entries(backend.limits).map(([title, path]) => ({
        title,
        call: { ...saga, url: `${limit.url}${path}` },
        server: limit,
      })),
    ];
    for (const { call } of targets) await warmUp(call, quick ? 500 : 10_000);
    const rows: Row[] = [];
    const figures: Record<string, object> = {};
    for (const clients of CLIENTS) {
      say(`${backend.name}, ${clients} client(s)`);
      const measured = await inTurns(targets, backend, clients, quick ? [2, 400] : [4, 1_500]);
      rows.push(...compared(`${backend.name}, ${clients} client${clients === 1 ? "" : "s"}`, measured));
      figures[`${clients} clients`] = Object.fromEntries(measured);
    }
    rows.push(...(await scripts(backend, saga)));
    return { rows, figures };
  } finally {
    await Promise.all([ours.stop(), limit.stop()]);
  }
}

/** Until so many calls have been made, for the compiler's sake, but not for ever. */
async function warmUp(call: Call, calls: number): Promise<void> {
  const untilMs = performance.now() + 60_000;
  for (let made = 0; made < calls && performance.now() < untilMs;) made += (await drive(call, 32, 500)).samples;
}

/** Rounds of one target after the other, after one that does not count; every second round goes backwards. */
async function inTurns(
  targets: readonly Target[],
  { redis }: Backend,
  clients: number,
  [rounds, roundMs]: readonly [number, number],
): Promise<ReadonlyMap<string, readonly Measured[]>> {
  const measured = new Map<string, Measured[]>(targets.map(({ title }) => [title, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { title, call, server } of round % 2 === 0 ? targets : targets.toReversed()) {
      const before = { node: server.cpuMs() ?? 0, redis: redis?.cpuMs() ?? 0 };
      const load = await drive(call, clients, roundMs);
      if (round === 0) continue;
      const micros = (nowMs: number, beforeMs: number): number => ((nowMs - beforeMs) * 1_000) / load.samples;
      measured.get(title)?.push({
        ...load,
        nodeMicros: micros(server.cpuMs() ?? 0, before.node),
        redisMicros: micros(redis?.cpuMs() ?? 0, before.redis),
      });
    }
  }
  return measured;
}

function compared(name: string, measured: ReadonlyMap<string, readonly Measured[]>): readonly Row[] {
  const [[, mine] = ["", []], ...limits] = measured;
  const here = overall(mine);
  const row = (title: string, figure: "p50Ms" | "p99Ms" | "perSecond", unit: (value: number) => string): Row[] =>
    limits.map(([limit, theirs]) => ({
      figure: `${name}: ${title}`,
      measured: unit(here[figure]),
      beside: `${unit(overall(theirs)[figure])} ${limit}`,
      ratio: ratio(figure, mine, theirs),
    }));
  return [
    ...row("3-step sagas", "perSecond", perSecond),
    ...row("p50", "p50Ms", milliseconds),
    ...row("p99", "p99Ms", milliseconds).slice(0, 1),
    {
      figure: `${name}: CPU a saga`,
      measured: cpu(mine),
      beside: limits.map(([limit, theirs]) => `${cpu(theirs)} ${limit}`).join(", "),
    },
  ];
}

function cpu(rounds: readonly Measured[]): string {
  const node = median(rounds.map(({ nodeMicros }) => nodeMicros));
  const redis = median(rounds.map(({ redisMicros }) => redisMicros));
  return `${node.toFixed(0)}${redis > 0 ? ` + ${redis.toFixed(0)}` : ""} µs`;
}

/** How many scripts Redis ran for a saga, by its own count. */
async function scripts({ name, redis }: Backend, saga: Call): Promise<readonly Row[]> {
  if (redis === undefined) return [];
  const before = await redis.scriptsRun();
  const { samples } = await drive(saga, 32, 2_000);
  const run = ((await redis.scriptsRun()) - before) / samples;
  return [
    {
      figure: `${name}: scripts a saga, 32 clients, by INFO commandstats`,
      measured: run.toFixed(2),
      beside: `n steps need n + 1; the rest are the outbox and heartbeats`,
      ratio: run / COMMITS,
    },
  ];
}

/** What the runtime, and Redis beside it, take of the machine at their highest, from their start on and through a load of 128 clients. */
async function footprint(backend: Backend, servers: string, quick: boolean): Promise<Outcome> {
  const durationMs = quick ? 1_000 : FOOTPRINT_MS;
  const deployed = await underLoad(await startOurs(backend, servers), durationMs);
  const redisBytes = backend.redis?.peakBytes();
  const left = await underLoad(await startOurs(backend, servers, ofV8Alone), durationMs);
  const title = `${backend.name}: in 512 MB, 128 clients`;
  const rows: Row[] = [
    {
      figure: `${title}, memory at its highest`,
      measured: bytes(deployed.peakBytes),
      ...(redisBytes === undefined
        ? {}
        : { beside: `${bytes(redisBytes)} Redis, which keeps all ${deployed.samples} sagas` }),
    },
    {
      figure: `${title}, CPU a saga`,
      measured: `${deployed.micros.toFixed(0)} µs`,
      beside: `${left.micros.toFixed(0)} µs and ${bytes(left.peakBytes)} by V8's own choice of its heap`,
      ratio: deployed.micros / left.micros,
    },
  ];
  return { rows, figures: { deployed, left, redisBytes } };
}

async function underLoad(server: ServerProcess, durationMs: number) {
  try {
    const { saga } = await connect(server.url);
    const { samples } = await drive(saga, 128, durationMs);
    const micros = ((server.cpuMs() ?? Number.NaN) * 1_000) / samples;
    return { samples, micros, peakBytes: server.memory()?.peakBytes ?? Number.NaN };
  } finally {
    await server.stop();
  }
}
