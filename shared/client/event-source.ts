/** One event of a text/event-stream. */
export interface ServerSentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/**
 * The events of a text/event-stream as the HTML standard reads it (section 9.2.6), its pieces cut anywhere. A stream that breaks
 * off in the middle of an event does not give it. `undefined` stands for anything else that came, which shows that somebody is there.
 */
export async function* readEvents(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent | undefined, void> {
  const decoder = new TextDecoder();
  let text = "";
  let afterCr = false;
  let id = "";
  let event = "";
  let data: string[] = [];
  for await (const chunk of chunks) {
    let came = decoder.decode(chunk, { stream: true });
    if (came === "") continue;
    // The second half of a CRLF that was cut in two.
    if (afterCr && came.startsWith("\n")) came = came.slice(1);
    afterCr = came.endsWith("\r");
    const lines = `${text}${came}`.split(/\r\n|\n|\r/);
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { id, event: event === "" ? "message" : event, data: data.join("\n") };
        event = "";
        data = [];
        continue;
      }
      // With `s`: JSON may hold U+2028 as it is, which is no line end here.
      const [, name = line, value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (name === "data") data.push(value);
      else if (name === "event") event = value;
      else if (name === "id" && !value.includes("\0")) id = value;
    }
    yield undefined;
  }
}
