import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";

import { GUESTS_PATH } from "./messages.ts";

/** How long a runner may take to be reached; it may be started only now. */
const CONNECT_WITHIN_MS = 10_000;
const WINDOW_BYTES = 1024 * 1024;
/** Of one connection: modules that are on their way. */
const SESSION_MEMORY_MB = 256;

/** What could not begin: nothing was sent. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** One connection to a runner, made when it is needed and again when it is gone. */
export interface RunnerConnection {
  /** A new stream, whose request is sent. Throws Unreachable. */
  open(token: string | undefined): Promise<ClientHttp2Stream>;
  /** Ends all streams; the next one connects anew. */
  drop(): void;
}

export function createRunnerConnection(url: string): RunnerConnection {
  let connecting: Promise<ClientHttp2Session> | undefined;
  let session: ClientHttp2Session | undefined;

  const connected = (): Promise<ClientHttp2Session> => {
    if (session !== undefined && !session.closed && !session.destroyed) return Promise.resolve(session);
    connecting ??= reach(url).then(
      (reached) => {
        connecting = undefined;
        session = reached;
        return reached;
      },
      (error: unknown) => {
        connecting = undefined;
        throw error;
      },
    );
    return connecting;
  };

  return {
    open: async (token) => {
      const reached = await connected();
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      try {
        return reached.request({ ":method": "POST", ":path": GUESTS_PATH, ...authorization });
      } catch (cause) {
        throw new Unreachable("The connection has just ended.", { cause });
      }
    },
    drop: () => {
      session?.destroy();
      session = undefined;
    },
  };
}

/** Resolves when the runner has spoken: a process that is frozen accepts connections, too. */
function reach(url: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(url, {
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    });
    const fail = (cause?: unknown): void => {
      clearTimeout(patience);
      session.destroy();
      reject(new Unreachable(`There is nothing to be reached at ${url}.`, { cause }));
    };
    const patience = setTimeout(fail, CONNECT_WITHIN_MS);
    session.on("error", fail);
    session.once("close", fail);
    session.once("remoteSettings", () => {
      clearTimeout(patience);
      session.setLocalWindowSize(WINDOW_BYTES);
      resolve(session);
    });
  });
}
