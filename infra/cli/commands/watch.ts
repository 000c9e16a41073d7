import { command } from "../command.ts";
import { exitOf, followExecution, showExecution } from "../follow-execution.ts";

export const watch = command({
  name: "watch",
  summary: "show an execution as it happens, until it has ended",
  args: [{ name: "execution_id", about: "as submit printed it" }],
  flags: {},
  remote: true,
  notes: [
    "On a terminal the timeline is drawn over and over; elsewhere each log entry is a line, with --json the entry itself.\nA lost connection is made anew where it was. Ctrl-C stops watching; the execution goes on.",
  ],
  examples: ["symphainy watch $(symphainy submit content.parse_content --file input.json)"],
  run: async (run) => {
    const connection = await run.connect();
    const [executionId = ""] = run.args;
    const ended = run.json
      ? await followExecution(run, connection, executionId, (entry) => run.printJson(entry))
      : await showExecution(run, connection, executionId, { output: run.stdout, style: run.style });
    return exitOf(ended);
  },
});
