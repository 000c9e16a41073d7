/** An answer as a server writes it. */
export interface HttpAnswer {
  readonly status: number;
  /** By names in small letters; a header with several values is written several times. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Text is written as UTF-8. A sequence is asked for no more than its reader takes, and ended when that goes away. */
  readonly body?: string | AsyncIterable<Uint8Array> | undefined;
}

export function jsonAnswer(json: unknown, status = 200, headers: HttpAnswer["headers"] = {}): HttpAnswer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(json) };
}
