import { inLiveSession } from "../cli-session.ts";
import { command, type Run } from "../command.ts";
import { type Accepted, readExecution, tellExecution } from "../executions.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { INPUT_FLAGS, readInput, readObject } from "../read-input.ts";

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

const REPEAT_FLAGS = {
  session: {
    type: "string",
    value: "ID",
    about: "the session of the new execution; default the old one's, or a new one",
  },
  "idempotency-key": { type: "string", value: "KEY", about: "the same key is the same new execution" },
} as const;

export const retry = command({
  name: "retry",
  summary: "let a dead execution go on, or repeat one that did not succeed",
  args: [EXECUTION],
  flags: REPEAT_FLAGS,
  remote: true,
  notes: [
    "A dead one goes on itself. A failed one is repeated from its failed step, a compensated or cancelled one from its start,\nas a new execution, whose id is printed. What repeats it already, or did so with success, is told instead.",
  ],
  examples: ["symphainy watch $(symphainy retry execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69)"],
  run: (run) => repeat(run, "retry", {}),
});

export const fork = command({
  name: "fork",
  summary: "begin a new execution at a step of this one",
  args: [EXECUTION, { name: "step", about: "where it begins; what came before is taken over" }],
  flags: { ...INPUT_FLAGS, ...REPEAT_FLAGS },
  remote: true,
  notes: ["Without --input or --file it has the parameters of the old one. The id of the new execution is printed."],
  examples: [
    `symphainy fork execution_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69 parse --input '{"file_id":"file_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69"}'`,
  ],
  run: async (run) => {
    const { input, file } = run.flags;
    const given = input !== undefined || file !== undefined;
    const parameters = given ? await readObject({ input, file, dash: undefined }, run) : undefined;
    return repeat(run, "fork", { from_step: run.args[1], parameters });
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

async function repeat(run: Run<typeof REPEAT_FLAGS>, how: "retry" | "fork", body: object): Promise<ExitCode> {
  const connection = await run.connect();
  const [executionId = ""] = run.args;
  const key = run.flags["idempotency-key"];
  const headers = key === undefined ? {} : { "idempotency-key": key };
  const tell = (sessionId: string | undefined) =>
    tellExecution(connection.api, executionId, how, { ...body, session_id: sessionId }, headers);
  const { session } = run.flags;
  const { execution_id } =
    session === undefined ? await inLiveSession(connection, undefined, run.note, tell) : await tell(session);
  if (run.json) run.printJson(await readExecution(connection.api, execution_id));
  else run.print(execution_id);
  return EXIT.ok;
}
