import { RuntimeError } from "../errors.ts";
import { type JsonObject, toJson } from "../json.ts";
import type { Failure } from "./execution.ts";

/** What an execution records of an error: an expected one as it is, an unexpected one without its words. */
export function failureOf(error: unknown, stepName?: string): Failure {
  const step = stepName === undefined ? {} : { step_name: stepName };
  if (error instanceof RuntimeError) {
    return {
      code: error.code,
      message: error.message,
      status: error.status,
      retryable: error.retryable,
      ...step,
      ...(error.details === undefined
        ? {}
        : { details: toJson(error.details) as JsonObject as Failure["details"] & object }),
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
