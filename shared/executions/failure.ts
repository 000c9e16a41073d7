import { RuntimeError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Failure } from "./execution.ts";

/** What is kept of an error: each step that failed keeps one, and the head of its execution. */
const MAX_MESSAGE_CHARS = 2_000;
const MAX_DETAILS_CHARS = 8_000;

/** What an execution records of an error: an expected one as it is, an unexpected one without its words. */
export function failureOf(error: unknown, stepName?: string): Failure {
  const step = stepName === undefined ? {} : { step_name: stepName };
  if (error instanceof RuntimeError) {
    return {
      code: error.code,
      message: shortened(error.message),
      status: error.status,
      retryable: error.retryable,
      ...step,
      ...(error.details === undefined ? {} : { details: keptDetails(error.details) }),
    };
  }
  const where = stepName === undefined ? "The execution" : `The step ${stepName}`;
  return {
    code: "step.unexpected",
    message: `${where} failed unexpectedly; the trace id finds it in the logs.`,
    status: 500,
    retryable: false,
    ...step,
  };
}

function shortened(message: string): string {
  if (message.length <= MAX_MESSAGE_CHARS) return message;
  return `${message.slice(0, MAX_MESSAGE_CHARS).toWellFormed()}… (${message.length} characters)`;
}

/** The details; of those that are too long only how long they are. */
function keptDetails(details: JsonObject): JsonObject {
  const text = JSON.stringify(details);
  return text.length <= MAX_DETAILS_CHARS ? (JSON.parse(text) as JsonObject) : { left_out_chars: text.length };
}

/** As `failureOf`, without words or details: those of a step that has a subject's data may quote them. */
export function wordlessFailureOf(error: unknown, stepName: string): Failure {
  const { details: _, ...failure } = failureOf(error, stepName);
  const message = `The step ${stepName} failed with ${failure.code}; its words may quote the subject's data and are not kept.`;
  return { ...failure, message };
}

/** The failure of an execution whose intent type this build does not have. */
export function noHandler(intentType: string): Failure {
  const message = `No handler found for intent type: ${intentType}`;
  return failureOf(new RuntimeError("intent.no_handler", message, { status: 501 }));
}

/** The error of a step whose commit lost to other writers too often. */
export function contended(step: string): RuntimeError {
  return new RuntimeError("record.contended", `The step ${step} kept losing to other writers of the same record.`, {
    status: 409,
    retryable: true,
  });
}

/** The error of a process that holds as much as it may, or that stops. */
export function overloaded(): RuntimeError {
  return new RuntimeError("runtime.overloaded", "This instance takes no more work right now; try again.", {
    status: 503,
    retryable: true,
  });
}
