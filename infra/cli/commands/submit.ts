import { acceptedAnswer } from "../../../shared/http/routes/execution-view.ts";
import { inLiveSession, newSession } from "../cli-session.ts";
import { command } from "../command.ts";
import type { Connection } from "../connection.ts";
import { type Accepted, readExecution } from "../executions.ts";
import { EXIT } from "../exit-codes.ts";
import { exitOf, followExecution, showExecution } from "../follow-execution.ts";
import { INPUT_FLAGS, readObject } from "../read-input.ts";
import { printableJson } from "../terminal.ts";
import { failureText } from "../timeline.ts";
import { explainUnknownIntent } from "../intent-catalog.ts";

export const submit = command({
  name: "submit",
  summary: "submit an intent; with --wait until it has ended",
  args: [
    { name: "intent", about: "its type, such as content.ingest_file; symphainy intents lists them" },
    { name: "-", about: "reads the input from stdin", optional: true },
  ],
  flags: {
    ...INPUT_FLAGS,
    session: {
      type: "string",
      value: "ID",
      about: "the session; default the one remembered for this runtime and tenant",
    },
    wait: { type: "boolean", about: "show it until it has ended, and print its output" },
    "idempotency-key": {
      type: "string",
      value: "KEY",
      about: "the same key with the same input is the same execution",
    },
  },
  remote: true,
  notes: [
    "Prints the id of the execution; with --wait its output, the timeline going to stderr when that is a terminal.\nWithout a session one is created, and remembered in $XDG_STATE_HOME/symphainy/sessions.json.",
  ],
  examples: [
    `symphainy submit content.ingest_file --wait --input '{"ui_name":"a.csv","content_base64":"YQoxCg=="}'`,
    "jq -n '{file_id: env.F}' | symphainy submit content.parse_content -",
  ],
  run: async (run) => {
    const { args, flags } = run;
    const [intentType = "", dash] = args;
    const parameters = await readObject({ input: flags.input, file: flags.file, dash }, run);
    const connection = await run.connect();
    const { execution_id } = await submitTo(connection, {
      intentType,
      parameters,
      sessionId: flags.session,
      key: flags["idempotency-key"],
      note: run.note,
    });
    if (!flags.wait) {
      const { api } = connection;
      if (run.json) run.printJson(await readExecution(api, execution_id));
      else run.print(execution_id);
      return EXIT.ok;
    }
    const ended =
      run.stderr.isTTY === true && !run.json
        ? await showExecution(run, connection, execution_id, { output: run.stderr, style: run.errStyle })
        : await followExecution(run, connection, execution_id, () => undefined);
    const { output, error, status } = await readExecution(connection.api, execution_id);
    if (run.json) run.printJson(await readExecution(connection.api, execution_id));
    else if (status === "completed") run.print(printableJson(output ?? null, 2));
    else if (run.stderr.isTTY !== true)
      run.note(`${execution_id} is ${status}${error === undefined ? "" : `: ${failureText(error)}`}`);
    return exitOf(ended);
  },
});

interface Submission {
  readonly intentType: string;
  readonly parameters: object;
  readonly sessionId: string | undefined;
  readonly key: string | undefined;
  readonly note: (line: string) => void;
}

/** Submits in the given session, or in the remembered one; when that is gone, in a new one. */
async function submitTo(connection: Connection, submission: Submission): Promise<Accepted> {
  const { api, remembered } = connection;
  const { intentType, parameters, key } = submission;
  const headers = key === undefined ? {} : { "idempotency-key": key };
  const post = (sessionId: string): Promise<Accepted> =>
    api.post("/intent/submit", acceptedAnswer, { intent_type: intentType, session_id: sessionId, parameters }, headers);
  try {
    if (submission.sessionId !== undefined) return await post(submission.sessionId);
    const known = (await remembered.read()).session_id;
    if (known === undefined) return await post(await newSession(connection));
    return await inLiveSession(connection, known, submission.note, post);
  } catch (error) {
    throw await explainUnknownIntent(api, intentType, error);
  }
}
