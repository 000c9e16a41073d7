import type { Client } from "./client.ts";

export interface ServerSentEvent {
  readonly id: number;
  readonly event: string;
  readonly data: unknown;
}

/** Follows the log of an execution until the server ends the stream. */
export async function follow(client: Client, executionId: string, lastEventId?: number): Promise<ServerSentEvent[]> {
  const answer = await client.call({
    path: `/execution/${executionId}/events?tenant_id=${client.tenantId}`,
    headers: {
      accept: "text/event-stream",
      ...(lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) }),
    },
  });
  if (answer.headers.get("content-type")?.startsWith("text/event-stream") !== true) throw new Error(answer.text);
  return answer.text
    .split("\n\n")
    .filter((block) => block.startsWith("id:"))
    .map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
      return { id: Number(field("id")), event: field("event"), data: JSON.parse(field("data")) as unknown };
    });
}
