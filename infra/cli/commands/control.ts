import { command, type Run } from "../command.ts";
import { type Accepted, readExecution, tellExecution } from "../executions.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { INPUT_FLAGS, readInput } from "../read-input.ts";

const EXECUTION = { name: "execution_id", about: "the execution" };

export const cancel = command({
  name: "cancel",
  summary: "cancel an execution; what it did is undone first",
  args: [EXECUTION],
  flags: { "keep-effects": { type: "boolean", about: "stop without undoing what it did" } },
  remote: true,
  notes: ["It is seen at the execution's next commit; past its pivot it goes on."],
  examples: ["symphainy cancel execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"],
  run: async (run) => {
    const { api } = await run.connect();
    const [executionId = ""] = run.args;
    const body = { compensate: !run.flags["keep-effects"] };
    return told(run, await tellExecution(api, executionId, "cancel", body), "It is asked to turn back");
  },
});

export const retry = command({
  name: "retry",
  summary: "let a dead execution go on, or repeat one that did not succeed",
  args: [EXECUTION],
  flags: {},
  remote: true,
  notes: [
    "A dead one goes on itself. A failed one is repeated from its failed step, a compensated or cancelled one from its start,\nas a new execution, whose id is printed.",
  ],
  examples: ["symphainy watch $(symphainy retry execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69)"],
  run: async (run) => {
    const { api } = await run.connect();
    const [executionId = ""] = run.args;
    const accepted = await tellExecution(api, executionId, "retry", {});
    if (run.json) run.printJson(await readExecution(api, accepted.execution_id));
    else run.print(accepted.execution_id);
    return EXIT.ok;
  },
});

export const signal = command({
  name: "signal",
  summary: "signal to an execution that awaits it, or will",
  args: [
    EXECUTION,
    { name: "name", about: "the await's" },
    { name: "-", about: "reads the payload from stdin", optional: true },
  ],
  flags: {
    ...INPUT_FLAGS,
    "signal-id": { type: "string", value: "ID", about: "your own id: the same id is the same signal" },
  },
  remote: true,
  notes: ["A signal that comes before it is awaited is kept."],
  examples: [`symphainy signal execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69 approval --input '{"ok":true}'`],
  run: async (run) => {
    const { flags } = run;
    const [executionId = "", name = "", dash] = run.args;
    const payload = (await readInput({ input: flags.input, file: flags.file, dash }, run)) ?? null;
    const { api } = await run.connect();
    const body = { payload, signal_id: flags["signal-id"] };
    return told(
      run,
      await tellExecution(api, executionId, `signal/${encodeURIComponent(name)}`, body),
      "The signal is in its mailbox",
    );
  },
});

function told(run: Pick<Run, "json" | "printJson" | "print">, accepted: Accepted, what: string): ExitCode {
  if (run.json) run.printJson(accepted);
  else run.print(`${what}: ${accepted.execution_id} (${accepted.status})`);
  return EXIT.ok;
}
