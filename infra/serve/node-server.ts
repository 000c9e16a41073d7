import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { RuntimeError } from "../../shared/errors.ts";
import type { App } from "../../shared/http/app.ts";
import { createListener } from "./node-listener.ts";

export interface ListeningServer {
  readonly port: number;
  /** Takes no more requests and waits for those under way, at most `graceMs`; then cuts them off. */
  close(graceMs: number): Promise<void>;
}

/** How long a client may take; those who take longer are cut off. */
export interface Patience {
  readonly headersMs: number;
  /** For a whole request, body included. */
  readonly requestMs: number;
  /** How often it is looked who has taken too long. */
  readonly checkEveryMs: number;
  /** Of an answer that is streamed, without a byte taken. */
  readonly stalledMs?: number;
}

const PATIENCE: Patience = { headersMs: 15_000, requestMs: 300_000, checkEveryMs: 5_000 };

/** Serves the app on a bare Node server. Throws `server.cannot_listen` when the address cannot be had. */
export async function listen(
  app: App,
  address: { readonly host: string; readonly port: number },
  { headersMs, requestMs, checkEveryMs, stalledMs }: Patience = PATIENCE,
): Promise<ListeningServer> {
  const server = createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkEveryMs },
    createListener((request) => app.handle(request), stalledMs),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address.port, address.host, () => {
      server.off("error", reject);
      resolve();
    });
  }).catch((cause: unknown) => {
    throw cannotListen(address, cause);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Also those that become idle from now on: a kept connection would hold the server open until it times out.
      const sweeping = setInterval(() => server.closeIdleConnections(), 20);
      const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cutOff);
      clearInterval(sweeping);
    },
  };
}

function cannotListen({ host, port }: { readonly host: string; readonly port: number }, cause: unknown): RuntimeError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: "another process has this port in use; stop it, or set PORT to another (0 chooses a free one)",
    EACCES: "this user may not use this port; set PORT to one above 1023",
    EADDRNOTAVAIL: "this machine does not have this address; set HOST to one that it has",
  };
  return new RuntimeError("server.cannot_listen", `Cannot listen on ${host}:${port}: ${reasons[code] ?? code}.`, {
    cause,
  });
}
