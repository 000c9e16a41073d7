import { expect } from "vitest";

import type { Cli, commandLines } from "../e2e/cli-process.ts";
import { type RuntimeProcess, type RuntimeProcesses, SLOW_RUNTIME } from "../e2e/runtime-process.ts";

/** A process may take seconds to start on a machine that is busy. */
export const PATIENTLY = { timeout: 20_000 } as const;

/** A runtime of slow intents, and the command line of a tenant that works with it. */
export interface CliRuntime {
  readonly runtime: RuntimeProcess;
  readonly env: Readonly<Record<string, string>>;
  readonly cli: Cli;
  /** Submits an intent that must be accepted; the id of its execution. */
  submitted(intentType: string, input: object): Promise<string>;
}

export async function startCliRuntime(
  processes: RuntimeProcesses,
  commandLine: ReturnType<typeof commandLines>,
): Promise<CliRuntime> {
  const runtime = await processes.start({ entry: SLOW_RUNTIME });
  const env = { SYMPHAINY_URL: runtime.url, SYMPHAINY_TENANT: "acme", XDG_STATE_HOME: await processes.folder() };
  const cli = commandLine(env);
  return {
    runtime,
    env,
    cli,
    submitted: async (intentType, input) => {
      const { code, stdout, stderr } = await cli.run(["submit", intentType, "--input", JSON.stringify(input)]);
      expect([code, stderr.replace(/^Dev mode.*\n/, "")]).toEqual([0, ""]);
      return stdout.trim();
    },
  };
}
