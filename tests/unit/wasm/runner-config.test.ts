import { describe, expect, it } from "vitest";

import { loadConfig, SECRET_VARIABLES } from "../../../shared/config.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { loadRunnerConfig } from "../../../shared/wasm/runner-config.ts";

const faultsOf = (load: () => unknown): readonly string[] => {
  try {
    load();
    return [];
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return error.faults.map(({ path }) => path).toSorted();
  }
};
const onOwnAddress = {
  MODE: "production",
  HOST: "0.0.0.0",
  WASM_CALLERS: "api@project.iam.gserviceaccount.com, sweep@project.iam.gserviceaccount.com",
  WASM_NODE_URL: "http://runner-0.runners:8081",
  WASM_CONTROL_URL: "https://control.example",
};

describe("the configuration of a runner", () => {
  it.each([...SECRET_VARIABLES])("refuses a process that has %s", (name) => {
    expect(faultsOf(() => loadRunnerConfig({ [name]: "anything" }))).toEqual([name]);
  });

  it("needs nothing in dev mode, where it listens on loopback only", () => {
    expect(loadRunnerConfig({})).toMatchObject({ host: "127.0.0.1", callers: undefined, registration: undefined });
    expect(faultsOf(() => loadRunnerConfig({ HOST: "0.0.0.0" }))).toEqual(["HOST"]);
    expect(faultsOf(() => loadRunnerConfig({ K_SERVICE: "runner" }))).toEqual(["MODE"]);
  });

  it("on Cloud Run leaves it to Cloud Run who calls, and registers nowhere", () => {
    const service = { MODE: "production", K_SERVICE: "wasm-runner", HOST: "0.0.0.0" };
    expect(loadRunnerConfig(service)).toMatchObject({ callers: undefined, registration: undefined });
    expect(faultsOf(() => loadRunnerConfig({ ...service, WASM_CONTROL_URL: "https://control.example" }))).toEqual([
      "WASM_CONTROL_URL",
    ]);
  });

  it("in production elsewhere says whom it takes, and who it is", () => {
    expect(loadRunnerConfig(onOwnAddress)).toMatchObject({
      callers: ["api@project.iam.gserviceaccount.com", "sweep@project.iam.gserviceaccount.com"],
      url: "http://runner-0.runners:8081",
      registration: { controlUrl: "https://control.example", heartbeatEveryMs: 10_000 },
    });
    const { WASM_CALLERS: _, WASM_NODE_URL: __, ...lacking } = onOwnAddress;
    expect(faultsOf(() => loadRunnerConfig(lacking))).toEqual(["WASM_CALLERS", "WASM_NODE_URL"]);
  });
});

describe("the control side's choice of nodes", () => {
  const production = { MODE: "production", OIDC_ISSUER: "https://issuer.example", OIDC_AUDIENCE: "runtime" };
  const proof = { WASM_NODES_AUDIENCE: "https://control.example", WASM_NODES_ACCOUNT: "r@p.iam.gserviceaccount.com" };

  it("is one service, or nodes that prove who they are", () => {
    const WASM_RUNNER_URL = "https://runner.example";
    expect(loadConfig({ WASM: "nodes" }).wasm).toEqual({ kind: "nodes", proof: undefined });
    expect(loadConfig({ ...production, WASM: "nodes", WASM_RUNNER_URL }).wasm).toEqual({
      kind: "service",
      url: WASM_RUNNER_URL,
    });
    expect(loadConfig({ ...production, WASM: "nodes", ...proof }).wasm).toMatchObject({
      kind: "nodes",
      proof: { serviceAccounts: ["r@p.iam.gserviceaccount.com"] },
    });
  });

  it.each([
    [{ WASM: "nodes" }, ["WASM"]],
    [{ WASM: "nodes", WASM_RUNNER_URL: "http://runner.example" }, ["WASM_RUNNER_URL"]],
    [{ WASM: "nodes", WASM_RUNNER_URL: "https://runner.example", ...proof }, ["WASM_RUNNER_URL"]],
    [{ WASM: "in-process", WASM_RUNNER_URL: "https://runner.example" }, ["WASM_RUNNER_URL"]],
    [{ ...proof }, ["WASM_NODES_ACCOUNT", "WASM_NODES_AUDIENCE"]],
  ])("%j is refused in production", (env, names) => {
    expect(faultsOf(() => loadConfig({ ...production, ...env }))).toEqual(names);
  });
});
