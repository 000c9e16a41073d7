import { parseRfc3339 } from "../../shared/clock.ts";
import type { Execution, ExecutionStatus, Step } from "../../shared/executions/execution.ts";
import { humanDuration } from "../../shared/duration.ts";
import { pad, printable, type Style } from "./terminal.ts";

type TimelineStep = Pick<
  Step,
  | "step_name"
  | "step_type"
  | "status"
  | "attempt"
  | "due_at"
  | "undo_attempts"
  | "error"
  | "started_at"
  | "completed_at"
> & { readonly child_execution_id?: string | undefined };

/** An execution as far as it is drawn: folded from its log, or as the runtime tells its state. */
export interface TimelineState extends Pick<
  Execution,
  "intent_type" | "status" | "error" | "created_at" | "updated_at"
> {
  readonly execution_id: string;
  readonly steps: readonly TimelineStep[];
}

export interface TimelineOptions {
  readonly style: Style;
  readonly nowMs: number;
  /** Names of the plan's nodes, for those that have not begun. */
  readonly planned?: readonly string[];
  /** Width of the bars in characters; 0 for none. */
  readonly barColumns: number;
}

const ONGOING: ReadonlySet<ExecutionStatus> = new Set(["pending", "running", "suspended", "compensating"]);
const AT_WORK: ReadonlySet<ExecutionStatus> = new Set(["pending", "running", "compensating"]);
const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SPIN_EVERY_MS = 100;

/** The lines of an execution's timeline: its state, each step with bar, duration and attempts, and what to do when it waits. */
export function timeline(state: TimelineState, options: TimelineOptions): readonly string[] {
  const { style, planned = [], nowMs } = options;
  const begunMs = parseRfc3339(state.created_at);
  const endMs = ONGOING.has(state.status) ? Math.max(nowMs, begunMs) : parseRfc3339(state.updated_at);
  const waiting = planned.filter((name) => !state.steps.some(({ step_name }) => step_name === name));
  const ahead = ONGOING.has(state.status) ? waiting : [];
  const width = Math.max(0, ...[...state.steps.map(({ step_name }) => step_name), ...ahead].map((name) => name.length));
  const total = humanDuration(endMs - begunMs);
  const head = `${style.bold(printable(state.intent_type))}  ${state.execution_id}  ${paintStatus(state.status, style)}  ${total}`;
  return [
    head,
    ...state.steps.map((step) =>
      stepLine(step, { ...options, width, begunMs, endMs, atWork: AT_WORK.has(state.status) }),
    ),
    ...ahead.map((name) => style.dim(`  · ${printable(name)}`)),
    ...(state.error === undefined ? [] : [style.red(`  ${failureText(state.error)}`)]),
    ...whatNext(state).map((line) => `  ${line}`),
  ];
}

interface StepFrame extends TimelineOptions {
  readonly width: number;
  readonly begunMs: number;
  readonly endMs: number;
  /** Whether somebody works at it right now. */
  readonly atWork: boolean;
}

function stepLine(step: TimelineStep, frame: StepFrame): string {
  const { style, width, barColumns } = frame;
  const startMs = parseRfc3339(step.started_at);
  const open = step.status === "started";
  const stopMs =
    step.completed_at === undefined
      ? open
        ? Math.max(frame.endMs, startMs)
        : startMs
      : parseRfc3339(step.completed_at);
  const bar = barColumns === 0 ? "" : `${drawBar(startMs, stopMs, frame)}  `;
  const duration = humanDuration(stopMs - startMs).padStart(8);
  const remarks = remarksOn(step, frame).join(", ");
  const line = `  ${glyph(step, frame)} ${pad(printable(step.step_name), width)}  ${bar}${duration}`;
  return remarks === "" ? line : `${line}  ${step.error === undefined ? style.dim(remarks) : style.yellow(remarks)}`;
}

function drawBar(startMs: number, stopMs: number, { begunMs, endMs, barColumns, style }: StepFrame): string {
  const spanMs = Math.max(1, endMs - begunMs);
  const column = (atMs: number): number => Math.round(((atMs - begunMs) / spanMs) * barColumns);
  const from = Math.min(Math.max(0, column(startMs)), barColumns - 1);
  const to = Math.min(Math.max(column(stopMs), from + 1), barColumns);
  return `${style.dim("·".repeat(from))}${style.cyan("━".repeat(to - from))}${style.dim("·".repeat(barColumns - to))}`;
}

function glyph(step: TimelineStep, { style, nowMs, atWork }: StepFrame): string {
  switch (step.status) {
    case "completed":
      return style.green("✓");
    case "skipped":
      return style.dim("-");
    case "failed":
      return style.red("✗");
    case "compensated":
      return style.yellow("↺");
    case "started":
      if (step.step_type === "await" || step.step_type === "sleep") return style.cyan("◷");
      if (!atWork) return style.dim("•");
      return style.cyan(SPINNER[Math.floor(nowMs / SPIN_EVERY_MS) % SPINNER.length] ?? "•");
  }
}

function remarksOn(step: TimelineStep, { nowMs }: StepFrame): readonly string[] {
  const remarks: string[] = [];
  if (step.status === "compensated") remarks.push("undone");
  if (step.status === "skipped") remarks.push("skipped");
  if (step.attempt > 1)
    remarks.push(step.status === "started" ? `attempt ${step.attempt}` : `${step.attempt} attempts`);
  if (step.undo_attempts !== undefined) remarks.push(`undo failed ${step.undo_attempts} times`);
  if (step.status === "started" && step.due_at !== undefined) {
    const inMs = parseRfc3339(step.due_at) - nowMs;
    if (inMs > 0) remarks.push(`${dueWord(step)} ${humanDuration(inMs)}`);
  }
  if (step.child_execution_id !== undefined) remarks.push(step.child_execution_id);
  if (step.error !== undefined && step.status !== "completed") remarks.push(failureText(step.error));
  return remarks;
}

function dueWord({ step_type }: TimelineStep): string {
  if (step_type === "await") return "gives up in";
  return step_type === "sleep" ? "wakes in" : "again in";
}

export function failureText({ code, message }: { readonly code: string; readonly message: string }): string {
  return printable(`${code}: ${message}`);
}

function paintStatus(status: ExecutionStatus, style: Style): string {
  switch (status) {
    case "completed":
      return style.green(status);
    case "failed":
    case "dead":
      return style.red(status);
    case "compensating":
    case "compensated":
    case "cancelled":
      return style.yellow(status);
    case "pending":
    case "running":
    case "suspended":
      return style.cyan(status);
  }
}

/** What a person can do about an execution that goes no further by itself. */
function whatNext({ status, steps, execution_id }: TimelineState): readonly string[] {
  if (status === "dead") return [`Only a person can go on: symphainy retry ${execution_id}`];
  if (status !== "running" && status !== "suspended") return [];
  return steps
    .filter((step) => step.status === "started" && step.step_type === "await")
    .flatMap(({ step_name }) => [
      `It waits for the signal ${printable(step_name)}:`,
      `  symphainy signal ${execution_id} ${printable(step_name)} --input '{}'`,
    ]);
}
