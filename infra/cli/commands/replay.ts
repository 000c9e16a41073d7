import type { Execution } from "../../../shared/executions/execution.ts";
import { apply } from "../../../shared/executions/fold.ts";
import { command, type Run, wholeNumber } from "../command.ts";
import { type ExecutionAnswer, readEntries, readExecution } from "../executions.ts";
import { EXIT, usageError } from "../exit-codes.ts";
import { createProgress } from "../progress.ts";
import { stateDifferences } from "../state-differences.ts";
import { timeline } from "../timeline.ts";
import type { Api } from "../api.ts";

/** An execution that goes on meanwhile is read again until log and state are of one moment. */
const MAX_ROUNDS = 10;

export const replay = command({
  name: "replay",
  summary: "fold an execution's log here, and compare with the stored state",
  args: [{ name: "execution_id", about: "the execution" }],
  flags: {
    at: {
      type: "string",
      value: "SEQUENCE",
      about: "fold no further than this entry, and compare nothing: the state as it was",
    },
  },
  remote: true,
  notes: ["Exit code 1 when the fold is not the stored state."],
  examples: ["symphainy replay execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69 --at 5"],
  run: async (run) => {
    const [executionId = ""] = run.args;
    const { api } = await run.connect();
    if (run.flags.at !== undefined) {
      const state = await fold(run, api, executionId, wholeNumber("at", run.flags.at, 1));
      await readExecution(api, executionId);
      if (state === undefined) throw usageError(`${executionId} has no entry.`);
      show(run, state);
      if (run.json) run.printJson({ execution: state, entries: state.chain.sequence });
      return EXIT.ok;
    }
    const { state, differences } = await compare(run, api, executionId);
    const equal = differences.length === 0;
    if (run.json) {
      run.printJson({ execution: state ?? null, entries: state?.chain.sequence ?? 0, equal, differences });
      return equal ? EXIT.ok : EXIT.failed;
    }
    if (state !== undefined) show(run, state);
    const entries = `${state?.chain.sequence ?? 0} entries`;
    if (equal) run.print(run.style.green(`Its ${entries} fold to the stored state.`));
    else {
      run.print(run.style.red(`Its ${entries} do not fold to the stored state. What differs:`));
      for (const path of differences) run.print(`  ${path}`);
    }
    return equal ? EXIT.ok : EXIT.failed;
  },
});

async function compare(run: Pick<Run, "stderr" | "now">, api: Api, executionId: string) {
  for (let round = 1; ; round += 1) {
    const state = await fold(run, api, executionId);
    const stored: ExecutionAnswer = await readExecution(api, executionId);
    const differences = stateDifferences(state, stored);
    if (differences.length === 0 || state?.updated_at === stored.updated_at || round === MAX_ROUNDS)
      return { state, differences };
  }
}

async function fold(
  run: Pick<Run, "stderr" | "now">,
  api: Api,
  executionId: string,
  last = Number.POSITIVE_INFINITY,
): Promise<Execution | undefined> {
  const progress = createProgress(run.stderr, run.now);
  let state: Execution | undefined;
  try {
    for await (const entry of readEntries(api, { execution_id: executionId, order: "chronological" }, last)) {
      state = apply(state, entry);
      progress.tell(() => `${entry.sequence} entries folded, up to ${entry.timestamp}`);
    }
  } finally {
    progress.end();
  }
  return state;
}

function show(run: Pick<Run, "json" | "print" | "style" | "now">, state: Execution): void {
  if (run.json) return;
  for (const line of timeline(state, { style: run.style, nowMs: run.now(), barColumns: 0 })) run.print(line);
}
