import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

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
    const tenant = createClient({ baseUrl: RUNTIME, token: TOKEN }).tenant(TENANT);
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

/** Where a page comes from: an origin of its own, as an app has one. */
export interface PageServer {
  readonly url: string;
  /** The page's program, for engines that are no browsers. */
  readonly script: string;
  /** What the page tells, once it does. */
  readonly result: Promise<unknown>;
  close(): Promise<void>;
}

/** Serves a page that uses the client against the runtime that `start` starts once it knows from where the page will call. */
export async function servePage(
  tenantId: string,
  start: (origin: string) => Promise<{ readonly runtimeUrl: string; readonly token: string }>,
): Promise<PageServer> {
  const { promise: result, resolve } = Promise.withResolvers<unknown>();
  let script = "";
  const server: Server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (request.url === "/")
        return void response.setHeader("content-type", "text/html").end('<script src="/page.js"></script>');
      if (request.url === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
      if (request.url === "/told") resolve(JSON.parse(await text(request)));
      response.end();
    };
    answer().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { runtimeUrl, token } = await start(url);
  script = await bundlePage({
    ORIGIN: JSON.stringify(url),
    RUNTIME: JSON.stringify(runtimeUrl),
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
