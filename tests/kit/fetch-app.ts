import type { App } from "../../shared/http/app.ts";
import { OwnRequest } from "../../shared/http/http-request.ts";

/** Asks an app without a server between. */
export async function fetchApp(app: App, request: Request): Promise<Response> {
  const { status, headers, body } = await app.handle(
    new OwnRequest(request.method, request.url, {
      headers: Object.fromEntries(request.headers),
      body: new Uint8Array(await request.arrayBuffer()),
      signal: request.signal,
    }),
  );
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((each): [string, string] => [name, each]),
  );
  return new Response(typeof body === "object" ? ReadableStream.from(body) : body, { status, headers: lines });
}
