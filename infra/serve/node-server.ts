import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { serve } from "@hono/node-server";

import type { App } from "../../shared/http/app.ts";

export interface ListeningServer {
  readonly port: number;
  /** Takes no more requests and waits for those under way, at most `graceMs`; then cuts them off. */
  close(graceMs: number): Promise<void>;
}

/** Serves the app on a bare Node server. Rejects when the address cannot be had. */
export async function listen(
  app: App,
  address: { readonly host: string; readonly port: number },
): Promise<ListeningServer> {
  const options = { fetch: (request: Request) => app.fetch(request), hostname: address.host, port: address.port };
  const server = await new Promise<Server>((resolve, reject) => {
    const starting = serve(options, () => {
      starting.off("error", reject);
      resolve(starting);
    }) as Server;
    starting.once("error", reject);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cutOff);
    },
  };
}
