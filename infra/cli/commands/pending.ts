import * as z from "zod";

import { acceptedAnswer } from "../../../shared/http/routes/execution-view.ts";
import { PENDING_STATUSES, pendingIntentSchema } from "../../../shared/intents/pending-intent.ts";
import { newSession } from "../cli-session.ts";
import { command, wholeNumber } from "../command.ts";
import { readExecution } from "../executions.ts";
import { EXIT } from "../exit-codes.ts";
import { INPUT_FLAGS, readObject } from "../read-input.ts";
import { pad, printable } from "../terminal.ts";

const page = z.object({ intents: z.array(pendingIntentSchema), total: z.int() });

export const pending = command({
  name: "pending",
  summary: "list what waits for a person or a later session, newest first",
  args: [],
  flags: {
    status: { type: "string", value: "STATUS", choices: PENDING_STATUSES, about: "default pending" },
    target: { type: "string", value: "ID", about: "only those that work on this artifact, or revive this execution" },
    intent: { type: "string", value: "TYPE", about: "only those of this type" },
    limit: { type: "string", value: "N", about: "how many; default 20, at most 1000" },
  },
  remote: true,
  notes: ["A dead execution waits as runtime.revive_execution."],
  examples: ["symphainy pending", "symphainy pending --intent runtime.revive_execution --json"],
  run: async (run) => {
    const { flags, style } = run;
    const { api } = await run.connect();
    const { intents, total } = await api.post("/intent/pending/list", page, {
      status: flags.status ?? "pending",
      target_artifact_id: flags.target,
      intent_type: flags.intent,
      limit: Math.min(wholeNumber("limit", flags.limit, 20), 1_000),
    });
    const width = Math.max(0, ...intents.map(({ intent_type }) => intent_type.length));
    for (const each of intents) {
      const { intent_id, intent_type, status, target_artifact_id, created_at } = each;
      if (run.json) run.printJson(each);
      else
        run.print(
          `${style.dim(created_at)}  ${intent_id}  ${pad(status, 11)}  ${pad(printable(intent_type), width)}  ${printable(target_artifact_id)}`,
        );
    }
    if (intents.length === 0 && !run.json) run.note("There are none.");
    if (intents.length < total) run.note(`${total} in all.`);
    return EXIT.ok;
  },
});

export const takeUp = command({
  name: "take-up",
  summary: "take a pending intent up, or let the dead execution go on that it asks about",
  args: [{ name: "intent_id", about: "as symphainy pending lists it" }],
  flags: {
    ...INPUT_FLAGS,
    session: {
      type: "string",
      value: "ID",
      about: "the session; default the one remembered for this runtime and tenant",
    },
  },
  remote: true,
  notes: [
    "Its context gives the parameters, and --input what is to be added or changed. The execution's id is printed.",
  ],
  examples: ["symphainy watch $(symphainy take-up intent_7f9c24e5-2f4e-4a50-9a0b-1f2d3c4b5a69)"],
  run: async (run) => {
    const { flags } = run;
    const parameters = await readObject({ input: flags.input, file: flags.file, dash: undefined }, run);
    const connection = await run.connect();
    const [intentId = ""] = run.args;
    const sessionId =
      flags.session ?? (await connection.remembered.read()).session_id ?? (await newSession(connection));
    const path = `/intent/pending/${encodeURIComponent(intentId)}/submit`;
    const body = { session_id: sessionId, parameters };
    const { execution_id } = await connection.api.post(path, acceptedAnswer, body);
    if (run.json) run.printJson(await readExecution(connection.api, execution_id));
    else run.print(execution_id);
    return EXIT.ok;
  },
});
