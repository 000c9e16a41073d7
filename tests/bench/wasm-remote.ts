import { setTimeout as sleep } from "node:timers/promises";

import { openRemotePool } from "../../infra/adapters/wasm-runner/remote-pool.ts";
import { systemClock } from "../../infra/adapters/system/system.ts";
import { startWasmRunner } from "../../infra/dev/parts/wasm-runner.ts";
import { startUpkeep } from "../../shared/executions/upkeep.ts";
import { createLogger } from "../../shared/logger.ts";
import type { GuestInvocation, ModuleSource } from "../../shared/ports/wasm-runtime.ts";
import { outputOf } from "../kit/wasm/guest-scene.ts";
import { openPlaneScene } from "../kit/wasm/plane-scene.ts";
import type { Row } from "./part.ts";
import { median, quantile } from "./statistics.ts";

const logger = createLogger({ clock: systemClock, level: "error", write: () => undefined });

export interface RemoteCalls {
  readonly rounds: number;
  readonly calls: number;
  readonly modules: ModuleSource;
  readonly invocation: GuestInvocation;
  /** The same call in this process. */
  readonly local: () => Promise<void>;
}

/** What it costs that the guest is in another process, in turns with the same call in this one. */
export async function measureRemoteCalls({ rounds, calls, modules, invocation, local }: RemoteCalls): Promise<Row> {
  await using runner = await startWasmRunner({ env: { LOG_LEVEL: "error" } });
  const url = `http://${runner.host}:${runner.port}`;
  const pool = openRemotePool({ url, modules, token: () => Promise.resolve(undefined), logger });
  const remote = async (): Promise<void> => void outputOf(await pool.invoke(invocation));
  await times(calls, remote);
  const remoteUs: number[] = [];
  const localUs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    remoteUs.push(median(await times(calls, remote)));
    localUs.push(median(await times(calls, local)));
  }
  await pool.close();
  return {
    figure: "guest's call in a runner process, warm, p50",
    measured: `${median(remoteUs).toFixed(0)} µs`,
    beside: `${median(localUs).toFixed(0)} µs in the same process`,
    ratio: median(remoteUs.map((us, n) => us / (localUs[n] ?? Number.NaN))),
  };
}

/** From when a killed node's lease is over until each of its instances is restarted elsewhere, with nobody calling them. */
export async function measureFailOver(instances: number): Promise<Row> {
  await using scene = await openPlaneScene(2);
  const { runtime } = scene;
  const started = [];
  for (let n = 0; n < instances; n += 1) started.push(await scene.instances.start());
  const victim = started[0]?.metadata.node_id ?? "";
  const hit = started.filter(({ metadata }) => metadata.node_id === victim);
  const node = async () => (await scene.nodes()).find(({ node_id }) => node_id === victim);
  const upkeep = startUpkeep({ ...runtime.services, ...runtime.services.adapters });
  await (await scene.runnerOf(victim)).kill();
  const last = await node();
  const overMs = (last?.last_heartbeat_ms ?? 0) + 3 * (last?.heartbeat_every_ms ?? 0);
  const lateMs: number[] = [];
  for (const { metadata } of hit) {
    const restarted = async () =>
      (await scene.instances.facts(metadata.instance_id)).find(({ fact_type }) => fact_type === "instance_restarted");
    while ((await restarted()) === undefined) await sleep(20);
    lateMs.push(((await restarted())?.timestamp_ms ?? 0) - overMs);
  }
  await upkeep.stop();
  return {
    figure: `${hit.length} instances of a killed node restarted elsewhere, after its lease, p50`,
    measured: `${(median(lateMs) / 1_000).toFixed(2)} s`,
    beside: `the last after ${(quantile(lateMs, 1) / 1_000).toFixed(2)} s; nobody called them`,
  };
}

async function times(count: number, run: () => Promise<void>): Promise<readonly number[]> {
  const all: number[] = [];
  for (let left = count; left > 0; left -= 1) {
    const begunMs = performance.now();
    await run();
    all.push((performance.now() - begunMs) * 1_000);
  }
  return all;
}
