import type { ClientHost } from "../../../shared/client/host.ts";

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly atMs: number;
}

export type Answerer = (sent: Sent, signal: AbortSignal | undefined) => Response | Promise<Response>;

/** A host whose time passes only in sleeps, and whose network answers by a script; the last answer is for all calls after it. */
export function scriptedHost(answers: readonly Answerer[]) {
  const sent: Sent[] = [];
  let nowMs = Date.parse("2026-01-01T00:00:00Z");
  let uuids = 0;
  const host: ClientHost = {
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const call = {
        method: init?.method ?? "GET",
        path: `${url.pathname}${url.search}`,
        headers: new Headers(init?.headers),
        body: typeof init?.body === "string" ? (JSON.parse(init.body) as unknown) : undefined,
        atMs: nowMs,
      };
      sent.push(call);
      const answer = answers[Math.min(sent.length, answers.length) - 1];
      if (answer === undefined) throw new Error("The script has no answer.");
      return answer(call, init?.signal ?? undefined);
    },
    clock: {
      now: () => nowMs,
      sleep: async (delayMs, signal) => {
        // A turn of the event loop first: what is there by then wins over time.
        await new Promise((resolve) => setImmediate(resolve));
        if (signal?.aborted !== true) nowMs += delayMs;
      },
    },
    random: { uuid: () => `uuid-${(uuids += 1)}`, fraction: () => 1 },
  };
  const gapsMs = (): readonly number[] => sent.slice(1).map((call, index) => call.atMs - (sent[index]?.atMs ?? 0));
  return { host, sent, gapsMs };
}

export function json(body: unknown, status = 200): Answerer {
  return () => Response.json(body, { status });
}

export function problem(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
  more: object = {},
): Answerer {
  const retryable = status === 429 || status === 503;
  const body = {
    type: "about:blank",
    code,
    title: "A problem",
    detail: code,
    status,
    retryable,
    trace_id: "trace_1",
    ...more,
  };
  return () =>
    new Response(JSON.stringify(body), { status, headers: { "content-type": "application/problem+json", ...headers } });
}

export function lost(): Answerer {
  return () => Promise.reject(new TypeError("fetch failed"));
}
