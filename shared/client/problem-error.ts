import { type FieldFault, RuntimeError } from "../errors.ts";
import type { JsonObject } from "../json.ts";

/**
 * What a call throws: the problem that the runtime answered (RFC 9457), or a code of the client's own, whose status is 0:
 * `client.unreachable`, `client.not_a_runtime`, `client.timeout`. Branch on `code`; try again later when `retryable`.
 */
export class ProblemError extends RuntimeError {
  readonly title: string;
  /** Finds the request in the runtime's logs; undefined where the runtime never answered. */
  readonly traceId: string | undefined;
  /** How long the runtime wants to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, cause?: unknown) {
    const { code, detail, status, retryable, errors = [], details } = problem;
    super(code, detail, { status, retryable, faults: errors, ...(details && { details }), cause });
    this.title = problem.title;
    this.traceId = problem.trace_id;
    this.retryAfterMs = problem.retryAfterMs;
  }

  /** The faults of a request's members, each at its place. */
  get errors(): readonly FieldFault[] {
    return this.faults;
  }
}

export interface Problem {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly trace_id?: string | undefined;
  readonly errors?: readonly FieldFault[] | undefined;
  readonly details?: JsonObject | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** The error of an answer that is no success. */
export async function problemOf(response: Response, nowMs: number): Promise<ProblemError> {
  const text = await response.text().catch(() => "");
  const retryAfterMs = readRetryAfter(response.headers.get("retry-after"), nowMs);
  const problem = parsed(text);
  if (isProblem(problem)) return new ProblemError({ ...problem, retryAfterMs });
  const { status } = response;
  return new ProblemError({
    code: "client.not_a_runtime",
    title: "No answer of a runtime",
    detail: `The answer ${status} carries no problem: something between here and the runtime gave it.`,
    status,
    // A proxy's own way to say that what is behind it is away or busy.
    retryable: status === 429 || status === 502 || status === 503 || status === 504,
    retryAfterMs,
  });
}

export function unreachable(url: string, cause: unknown): ProblemError {
  return new ProblemError(
    {
      code: "client.unreachable",
      title: "Unreachable",
      detail: `Nothing answers at ${url}.`,
      status: 0,
      retryable: true,
    },
    cause,
  );
}

/** Retry-After as milliseconds from now: seconds or a date (RFC 9110, section 10.2.3). */
export function readRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  const { code, title, detail, status, retryable } = value as Record<string, unknown>;
  return (
    [code, title, detail].every((member) => typeof member === "string") &&
    typeof status === "number" &&
    typeof retryable === "boolean"
  );
}
