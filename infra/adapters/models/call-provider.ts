import type { Clock } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import type { Random } from "../../../shared/random.ts";

export interface ProviderDeps {
  readonly clock: Clock;
  readonly random: Random;
}

export interface ProviderCall {
  /** For errors: a name, never an address with a key in it. */
  readonly provider: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent for a GET. */
  readonly body?: object;
  readonly signal: AbortSignal | undefined;
}

const ATTEMPTS = 3;
const TIMEOUT_MS = 60_000;
const FIRST_DELAY_MS = 500;
/** A provider that wants to be left alone for longer is for the saga's retry. */
const LONGEST_DELAY_MS = 10_000;
const NO_ANSWER = 0;

export type ProviderAnswer = { readonly found: true; readonly json: unknown } | { readonly found: false };

/**
 * Asks a provider, again after 408, 409, 429, 5xx and silence. What it says of an error is not passed on: it may quote the key.
 * `found: false` for 404.
 */
export async function callProvider(deps: ProviderDeps, call: ProviderCall): Promise<ProviderAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const { status, answer, retryAfterMs } = await tryOnce(call);
    if (answer !== undefined) return answer;
    if (!isPassing(status)) throw refused(call.provider, status);
    const backOffMs = FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.5 + deps.random.fraction() / 2);
    const delayMs = Math.max(backOffMs, retryAfterMs);
    if (attempt === ATTEMPTS || delayMs > LONGEST_DELAY_MS) throw unavailable(call.provider, status);
    await deps.clock.sleep(delayMs, call.signal);
    call.signal?.throwIfAborted();
  }
}

interface Attempt {
  readonly status: number;
  readonly answer?: ProviderAnswer;
  readonly retryAfterMs: number;
}

async function tryOnce({ url, headers, body, signal }: ProviderCall): Promise<Attempt> {
  signal?.throwIfAborted();
  const limits = [AbortSignal.timeout(TIMEOUT_MS), ...(signal === undefined ? [] : [signal])];
  try {
    const response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: { accept: "application/json", "content-type": "application/json", ...headers },
      redirect: "error",
      signal: AbortSignal.any(limits),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { status } = response;
    const retryAfterMs = Number(response.headers.get("retry-after") ?? 0) * 1_000 || 0;
    if (response.ok) return { status, retryAfterMs, answer: { found: true, json: await response.json() } };
    await response.body?.cancel();
    return { status, retryAfterMs, ...(status === 404 ? { answer: { found: false } } : {}) };
  } catch {
    // The caller's own end is the caller's; anything else is silence, which a URL or header in the error must not explain.
    signal?.throwIfAborted();
    return { status: NO_ANSWER, retryAfterMs: 0 };
  }
}

function isPassing(status: number): boolean {
  return status === NO_ANSWER || status === 408 || status === 409 || status === 429 || status >= 500;
}

function unavailable(provider: string, status: number): RuntimeError {
  const why = status === NO_ANSWER ? "does not answer" : `answers ${status}`;
  return new RuntimeError("model.unavailable", `The model provider ${provider} ${why}; try again.`, {
    status: 503,
    retryable: true,
    details: { provider, provider_status: status },
  });
}

/** Also for an answer of another form than agreed. */
export function refused(provider: string, status: number): RuntimeError {
  return new RuntimeError("model.refused", `The model provider ${provider} refuses the request (${status}).`, {
    status: 502,
    details: { provider, provider_status: status },
  });
}
