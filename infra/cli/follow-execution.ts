import { parseRfc3339 } from "../../shared/clock.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { type Execution, isTerminal } from "../../shared/executions/execution.ts";
import { apply } from "../../shared/executions/fold.ts";
import type { LogEntry } from "../../shared/state/log-entry.ts";
import type { Run } from "./command.ts";
import type { Connection } from "./connection.ts";
import { entryLineAt } from "./entry-line.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { readExecution } from "./executions.ts";
import { createLiveRegion } from "./live-region.ts";
import type { Output, Style } from "./terminal.ts";
import { timeline } from "./timeline.ts";

const REDRAW_EVERY_MS = 100;
const BAR_COLUMNS = 24;
/** Below this a terminal has no room for bars. */
const COLUMNS_FOR_BARS = 90;

export type OnEntry = (entry: LogEntry, state: Execution) => void;

/**
 * Follows an execution by its log until it is settled, folding it on the way; a connection that is lost is made anew where the
 * log was left, for as long as it takes. Throws what the first connection throws.
 */
export async function followExecution(
  run: Pick<Run, "interrupted" | "note">,
  { api, url, onLost }: Connection,
  executionId: string,
  onEntry: OnEntry,
): Promise<Execution> {
  let state: Execution | undefined;
  let told = false;
  onLost(() => {
    if (!told && state !== undefined && !run.interrupted.aborted)
      run.note(`The connection to ${url} is lost; trying again until Ctrl-C.`);
    told = true;
  });
  for (;;) {
    try {
      for await (const entry of api.events(executionId, state?.chain.sequence ?? 0)) {
        state = apply(state, entry);
        told = false;
        onEntry(entry, state);
        // A stream goes on past a death, and what is read may be long past: somebody may have revived it since.
        if (state.status === "dead" && (await readExecution(api, executionId)).updated_at === state.updated_at)
          return state;
      }
      if (state !== undefined && isTerminal(state.status)) return state;
    } catch (error) {
      // The client gives up after a while; a person decides that with Ctrl-C.
      const lost = error instanceof RuntimeError && error.code === "client.unreachable";
      if (!lost || state === undefined || run.interrupted.aborted) throw error;
    }
  }
}

export interface Drawing {
  readonly output: Output;
  readonly style: Style;
}

/** Shows an execution until it is settled: drawn over and over on a terminal, elsewhere a line for each entry. */
export async function showExecution(
  run: Pick<Run, "sleep" | "interrupted" | "note" | "now" | "env">,
  connection: Connection,
  executionId: string,
  { output, style }: Drawing,
): Promise<Execution> {
  if (output.isTTY !== true || run.env["TERM"] === "dumb") {
    let firstMs: number | undefined;
    return followExecution(run, connection, executionId, (entry) => {
      firstMs ??= parseRfc3339(entry.timestamp);
      output.write(`${entryLineAt(entry, firstMs, style)}\n`);
    });
  }

  const region = createLiveRegion(output);
  const done = new AbortController();
  let shown: { state: Execution; planned: readonly string[] } | undefined;
  let note = "";
  const draw = (): void => {
    if (shown === undefined) return;
    const { state, planned } = shown;
    const nowMs = Math.max(run.now(), parseRfc3339(state.updated_at));
    const barColumns = (output.columns ?? 80) >= COLUMNS_FOR_BARS ? BAR_COLUMNS : 0;
    region.draw([...timeline(state, { style, nowMs, planned, barColumns }), ...(note === "" ? [] : [style.dim(note)])]);
  };
  const redrawing = (async () => {
    for (; !done.signal.aborted; await run.sleep(REDRAW_EVERY_MS, done.signal)) draw();
  })();
  try {
    const noted = { ...run, note: (line: string) => void (note = line) };
    return await followExecution(noted, connection, executionId, (entry, state) => {
      shown = { state, planned: plannedIn(entry) ?? shown?.planned ?? [] };
      note = "";
    });
  } finally {
    done.abort();
    await redrawing;
    draw();
    region.end();
  }
}

/** The names of the plan's nodes, from the entry that tells them as `<name>#<digest>`. */
function plannedIn({ event_type, payload }: LogEntry): readonly string[] | undefined {
  if (event_type !== "saga_started" || !Array.isArray(payload["plan"])) return undefined;
  return payload["plan"].map((node) => String(node).replace(/#[^#]*$/, ""));
}

/** The code of a run that ended with this execution. */
export function exitOf({ status }: Pick<Execution, "status">): ExitCode {
  return status === "completed" ? EXIT.ok : EXIT.failed;
}
