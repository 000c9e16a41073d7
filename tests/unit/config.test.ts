import { describe, expect, it } from "vitest";

import { loadConfig } from "../../shared/config.ts";
import { RuntimeError } from "../../shared/errors.ts";

/** The names of the variables that the configuration finds fault with. */
function faults(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    expect(error.code).toBe("config.invalid");
    for (const { path } of error.faults) expect(error.message).toContain(path);
    return error.faults.map(({ path }) => path).toSorted();
  }
  return [];
}

describe("loadConfig", () => {
  it("an empty environment is a working configuration on loopback", () => {
    expect(loadConfig({})).toMatchObject({ mode: "dev", host: "127.0.0.1", port: 8080, dataDir: ".symphainy" });
    expect(loadConfig({ HOME: "/root", PORT: undefined })).toEqual(loadConfig({}));
  });

  it("reads each value", () => {
    const env = {
      MODE: "production",
      HOST: "0.0.0.0",
      PORT: "0",
      DATA_DIR: "/data",
      LOG_LEVEL: "error",
      MAX_BODY_BYTES: "1024",
      WAIT_BUDGET_MS: "0",
      GRACE_PERIOD_MS: "1",
      MAX_RUNNING: "2",
      MAX_QUEUED: "3",
    };
    expect(loadConfig(env)).toEqual({
      mode: "production",
      host: "0.0.0.0",
      port: 0,
      dataDir: "/data",
      logLevel: "error",
      maxBodyBytes: 1024,
      waitBudgetMs: 0,
      gracePeriodMs: 1,
      maxRunning: 2,
      maxQueued: 3,
    });
  });

  it.each([
    ["MODE", "staging"],
    ["HOST", ""],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "80.5"],
    ["PORT", "0x50"],
    ["PORT", " 80"],
    ["PORT", ""],
    ["DATA_DIR", ""],
    ["LOG_LEVEL", "loud"],
    ["MAX_BODY_BYTES", "1023"],
    ["MAX_RUNNING", "0"],
    ["MAX_QUEUED", "1e3"],
  ])("%s=%j is a fault", (name, value) => {
    expect(faults({ [name]: value })).toEqual([name]);
  });

  it("names every fault at once", () => {
    expect(faults({ PORT: "x", MODE: "y", LOG_LEVEL: "z", MAX_RUNNING: "0" })).toEqual([
      "LOG_LEVEL",
      "MAX_RUNNING",
      "MODE",
      "PORT",
    ]);
  });

  it.each(["0.0.0.0", "::", "192.168.1.5", "localhost.evil.example"])("dev mode does not listen on %s", (host) => {
    expect(faults({ HOST: host })).toEqual(["HOST"]);
    expect(faults({ HOST: host, MODE: "production" })).toEqual([]);
  });

  it("names a dev mode that listens to the world together with the other faults", () => {
    expect(faults({ HOST: "0.0.0.0", PORT: "x" })).toEqual(["HOST", "PORT"]);
  });
});
