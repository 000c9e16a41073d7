import type { Call, Transport } from "./transport.ts";

/** The items of a listing, page after page, each page asked for when its first item is. */
export async function* items<Item>(
  transport: Transport,
  name: string,
  call: Omit<Call, "repeatable">,
): AsyncGenerator<Item, void> {
  let cursor: string | undefined;
  do {
    const where = call.body === undefined ? { query: { ...call.query, cursor } } : { body: { ...call.body, cursor } };
    const page = await transport.json<Readonly<Record<string, unknown>>>({
      ...call,
      ...where,
      repeatable: true,
    });
    yield* page[name] as readonly Item[];
    cursor = page["next_cursor"] as string | undefined;
  } while (cursor !== undefined);
}
