import * as z from "zod";

import { EXECUTION_STATUSES } from "../../../shared/executions/execution.ts";
import { executionSummary } from "../../../shared/http/routes/execution-view.ts";
import { command, type Run, wholeNumber } from "../command.ts";
import { readExecution } from "../executions.ts";
import { EXIT } from "../exit-codes.ts";
import { pad, printable, printableJson } from "../terminal.ts";
import { failureText, timeline } from "../timeline.ts";

const flags = {
  status: { type: "string", value: "STATUS", choices: EXECUTION_STATUSES, about: "in a list, only those that are" },
  intent: { type: "string", value: "TYPE", about: "in a list, only those of this type" },
  session: { type: "string", value: "ID", about: "in a list, only those of this session" },
  limit: { type: "string", value: "N", about: "how many in a list; default 20, at most 1000" },
} as const;

export const status = command({
  name: "status",
  summary: "show an execution, or list the newest",
  args: [{ name: "execution_id", about: "one execution; without it they are listed, newest first", optional: true }],
  flags,
  remote: true,
  notes: ["The exit code tells whether the question was answered, not how the execution ended; --json has its status."],
  examples: ["symphainy status execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69", "symphainy status --status dead"],
  run: async (run) => {
    const [executionId] = run.args;
    if (executionId === undefined) return list(run);
    const { api } = await run.connect();
    const execution = await readExecution(api, executionId);
    if (run.json) {
      run.printJson(execution);
      return EXIT.ok;
    }
    for (const line of timeline(execution, { style: run.style, nowMs: run.now(), barColumns: 0 })) run.print(line);
    if (execution.output !== undefined) run.print(printableJson(execution.output, 2));
    return EXIT.ok;
  },
});

async function list(run: Run<typeof flags>) {
  const { style, print, printJson } = run;
  const limit = Math.min(wholeNumber("limit", run.flags.limit, 20), 1_000);
  const { api } = await run.connect();
  const { executions } = await api.get("/executions", z.object({ executions: z.array(executionSummary) }), {
    status: run.flags.status,
    intent_type: run.flags.intent,
    session_id: run.flags.session,
    limit: String(limit),
  });
  const width = Math.max(0, ...executions.map(({ intent_type }) => intent_type.length));
  for (const execution of executions) {
    if (run.json) {
      printJson(execution);
      continue;
    }
    const { execution_id, status: state, intent_type, created_at, error } = execution;
    const why = error === undefined ? "" : style.red(failureText(error));
    print(
      `${style.dim(created_at)}  ${execution_id}  ${pad(state, 12)}  ${pad(printable(intent_type), width)}  ${why}`.trimEnd(),
    );
  }
  if (executions.length === 0 && !run.json) run.note("There are none.");
  return EXIT.ok;
}
