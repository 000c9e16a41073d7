import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

const HOST = "127.0.0.1";

/**
 * A way through to a server that can be bad in the ways that networks are.
 *  P1  Bytes of one direction of a connection arrive in order, or the connection ends; nothing is lost in its middle.
 *  P2  A connection whose answers were swallowed ends before anything passes on it again.
 */
export interface TcpProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** How many connections it has now. */
  readonly connections: number;
  /** How many it ever had. */
  readonly connectionsEver: number;
  /** Ends every connection, as a cable that is pulled, and every new one, until `mend`. */
  cut(): void;
  /** Ends every connection once; new ones work. */
  flicker(): void;
  /** Holds back whatever passes by so much, in both directions, until told otherwise. */
  delay(delayMs: number): void;
  /** Passes on what is asked and keeps what is answered, until `mend`, which ends those connections. */
  swallowAnswers(): void;
  /** Lets everything through again. */
  mend(): void;
}

type State = "open" | "cut" | "swallowing";

export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let state: State = "open";
  let delayMs = 0;
  let connectionsEver = 0;

  const endAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };

  async function* asked(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const chunk of chunks) {
      if (delayMs > 0) await sleep(delayMs);
      yield chunk;
    }
  }

  const answered = (connection: { spoiled: boolean }) =>
    async function* (chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
      for await (const chunk of chunks) {
        if (delayMs > 0) await sleep(delayMs);
        if (state === "swallowing") connection.spoiled = true;
        // P2: also when it was mended while this chunk was held back.
        if (!connection.spoiled) yield chunk;
      }
    };

  const server = createServer((client) => {
    if (state === "cut") return void client.resetAndDestroy();
    connectionsEver += 1;
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true).once("close", () => sockets.delete(socket));
    }
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    pipeline(client, asked, upstream).then(end, end);
    pipeline(upstream, answered({ spoiled: false }), client).then(end, end);
  });
  server.listen(0, HOST);
  await once(server, "listening");

  return {
    host: HOST,
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sockets.size / 2;
    },
    get connectionsEver() {
      return connectionsEver;
    },
    cut: () => {
      state = "cut";
      endAll();
    },
    flicker: endAll,
    delay: (ms) => {
      delayMs = ms;
    },
    swallowAnswers: () => {
      state = "swallowing";
    },
    mend: () => {
      if (state === "swallowing") endAll();
      state = "open";
    },
    [Symbol.asyncDispose]: async () => {
      endAll();
      server.close();
      await once(server, "close");
    },
  };
}
