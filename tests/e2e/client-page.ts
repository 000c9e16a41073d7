import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { buffer, text } from "node:stream/consumers";

import { build } from "esbuild";
import * as z from "zod";

import { REPOSITORY } from "./runtime-process.ts";

/** What a page does with the client, told to the server that the page came from. */
const PAGE = `
  import { createClient, ProblemError, reference } from "symphainy/client";
  import type { ingestFile } from "./functions/content/ingest-file.ts";
  import type { saveMaterialization } from "./functions/content/save-materialization.ts";

  const ingest = reference<typeof ingestFile>("content.ingest_file");
  const save = reference<typeof saveMaterialization>("content.save_materialization");
  async function work() {
    const tenant = createClient({ baseUrl: ORIGIN, token: TOKEN }).tenant(TENANT);
    const session = tenant.session();
    const upload_id = await tenant.upload(new File(["a,b\\n1,2\\n"], "page.csv", { type: "text/csv" }));
    const handle = await session.submit(ingest, { ui_name: "page.csv", upload_id });
    const events: string[] = [];
    for await (const { event_type } of handle.events()) events.push(event_type);
    const file = await handle.result();
    await session.run(save, { file_id: file.file_id, boundary_contract_id: file.boundary_contract_id });
    const downloaded = await (await tenant.artifacts.download(file.file_id)).text();
    const listed: string[] = [];
    for await (const { execution_id } of tenant.executions({ pageSize: 1 })) listed.push(execution_id);
    const problem = await session.run(ingest, { ui_name: "" }).catch((error) => error);
    return { events, downloaded, listed: listed.length, code: problem instanceof ProblemError ? problem.code : String(problem) };
  }
  work()
    .then((told) => ({ told }), (error) => ({ failed: String(error?.stack ?? error) }))
    .then((result) => fetch(ORIGIN + "/told", { method: "POST", body: JSON.stringify(result) }));
`;

export const told = z.object({
  told: z.object({ events: z.array(z.string()), downloaded: z.string(), listed: z.int(), code: z.string() }),
});

export interface PageServer {
  readonly url: string;
  /** The page's program, for engines that are no browsers. */
  readonly script: string;
  /** What the page tells, once it does. */
  readonly result: Promise<unknown>;
  close(): Promise<void>;
}

/** Serves a page that uses the client, and before the runtime, as an app's own server does: all of one origin. */
export async function servePage(runtimeUrl: string, tenantId: string, token: string): Promise<PageServer> {
  const { promise: result, resolve } = Promise.withResolvers<unknown>();
  let script = "";
  const server: Server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (request.url === "/")
        return void response.setHeader("content-type", "text/html").end('<script src="/page.js"></script>');
      if (request.url === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
      if (request.url === "/told") {
        resolve(JSON.parse(await text(request)));
        return void response.end();
      }
      await forward(runtimeUrl, request, response);
    };
    answer().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  script = await bundlePage({
    ORIGIN: JSON.stringify(url),
    TOKEN: JSON.stringify(token),
    TENANT: JSON.stringify(tenantId),
  });
  return {
    url,
    script,
    result,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function bundlePage(define: Readonly<Record<string, string>>): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: PAGE, resolveDir: REPOSITORY, loader: "ts", sourcefile: "page.ts" },
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    conditions: ["symphainy-source"],
    define,
  });
  return outputFiles[0]?.text ?? "";
}

async function forward(runtimeUrl: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "GET", url = "/" } = request;
  const headers = new Headers();
  for (const name of ["authorization", "content-type", "idempotency-key", "last-event-id", "prefer", "accept"]) {
    const value = request.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  // By the name that the caller used, which is in the signed URLs that come back.
  headers.set("host", request.headers.host ?? "");
  const body = method === "GET" ? undefined : await buffer(request);
  const answer = await fetch(`${runtimeUrl}${url}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });
  response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
  for await (const chunk of answer.body ?? []) response.write(chunk);
  response.end();
}
