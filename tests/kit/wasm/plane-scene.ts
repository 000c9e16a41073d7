import { setTimeout as sleep } from "node:timers/promises";

import type { Part } from "../../../infra/dev/parts/part.ts";
import { startWasmRunner } from "../../../infra/dev/parts/wasm-runner.ts";
import { listen } from "../../../infra/serve/node-server.ts";
import { createApp } from "../../../shared/http/app.ts";
import type { NodeRecord } from "../../../shared/wasm/node-record.ts";
import { createNodeRegistry } from "../../../shared/wasm/node-registry.ts";
import { openRuntime, type TestRuntime, type TestRuntimeOptions } from "../runtime.ts";
import { type InstanceScene, openInstanceScene } from "./instance-scene.ts";

/** Three of them are the lease: long enough for a machine that is busy with other tests. */
const HEARTBEAT_MS = 1_500;

/** The control side in this process, at an address where real runner processes register. It sweeps when a test says so. */
export interface PlaneScene extends AsyncDisposable {
  readonly runtime: TestRuntime;
  readonly instances: InstanceScene;
  readonly url: string;
  readonly runners: readonly Part[];
  /** Starts another runner, and waits until it is registered. */
  addRunner(env?: Readonly<Record<string, string>>): Promise<Part>;
  nodes(): Promise<readonly NodeRecord[]>;
  /** The runner that is a node. */
  runnerOf(nodeId: string): Promise<Part>;
  /** Another control process over the same store and objects. */
  another(): Promise<TestRuntime>;
}

export async function openPlaneScene(size: number, options: TestRuntimeOptions = {}): Promise<PlaneScene> {
  const config = { wasm: { kind: "nodes", proof: undefined } } as const;
  const runtime = await openRuntime({ ...options, config });
  const server = await listen(createApp(runtime.services), { host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${server.port}`;
  const runners: Part[] = [];
  const registry = createNodeRegistry({
    store: runtime.store,
    surface: runtime.services.surface,
    clock: runtime.services.adapters.clock,
  });
  const urlOf = ({ host, port }: Part): string => `http://${host}:${port}`;

  const addRunner: PlaneScene["addRunner"] = async (env = {}) => {
    const runner = await startWasmRunner({
      env: { WASM_CONTROL_URL: url, WASM_HEARTBEAT_MS: String(HEARTBEAT_MS), LOG_LEVEL: "warn", ...env },
    });
    runners.push(runner);
    while (!(await registry.nodes()).some((node) => node.url === urlOf(runner))) await sleep(20);
    return runner;
  };
  await Promise.all(Array.from({ length: size }, () => addRunner()));

  return {
    runtime,
    instances: await openInstanceScene(runtime),
    url,
    runners,
    addRunner,
    nodes: () => registry.nodes(),
    runnerOf: async (nodeId) => {
      const node = (await registry.nodes()).find(({ node_id }) => node_id === nodeId);
      const runner = runners.find((each) => urlOf(each) === node?.url);
      if (runner === undefined) throw new Error(`There is no runner ${nodeId}.`);
      return runner;
    },
    another: () => openRuntime({ ...options, store: runtime.store, config }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(runners.map((runner) => runner.kill()));
      await server.close(0);
      await runtime[Symbol.asyncDispose]();
    },
  };
}
