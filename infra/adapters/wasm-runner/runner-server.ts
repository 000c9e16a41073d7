import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

import { RuntimeError } from "../../../shared/errors.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";
import type { CapabilityReply } from "../../../shared/ports/wasm-capabilities.ts";
import type { GuestOutcome, GuestPool } from "../../../shared/ports/wasm-runtime.ts";
import type { CalledModules } from "./called-modules.ts";
import { encodeFrame, FrameFault, readFrames } from "./frames.ts";
import {
  admissionMessage,
  FRAME_LIMITS,
  type FromRunner,
  GUESTS_PATH,
  outcomeMessage,
  readMessage,
  replyOf,
  type ToRunner,
  toRunner,
} from "./messages.ts";

const WINDOW_BYTES = 1024 * 1024;
const SESSION_MEMORY_MB = 256;
/** Callers are known: one that gives up many calls at once is no attacker. */
const STREAM_RESETS = { streamResetBurst: 100_000, streamResetRate: 10_000 };
const HEALTH_PATH = "/health";

export interface RunnerServerDeps {
  readonly pool: Pick<GuestPool, "admit" | "invoke">;
  readonly modules: CalledModules;
  /** Whether the caller is the control side, by its `authorization`. */
  readonly mayCall: (authorization: string | undefined) => Promise<boolean>;
  readonly logger: Logger;
}

export interface RunnerServer {
  readonly port: number;
  /** Takes no more calls and waits for those under way, at most `graceMs`; then cuts them off. */
  close(graceMs: number): Promise<void>;
}

type Call = Extract<ToRunner, { readonly kind: "call" }>;

/**
 * Serves a pool of guests over HTTP/2 without TLS, which whatever stands before it ends.
 *  R1  A call that nobody can be told the end of any more asks nothing more: what its guest asks then fails.
 *  R2  The runner knows nothing but the calls that are under way, and keeps nothing of them but compiled modules.
 * Throws `server.cannot_listen`.
 */
export async function serveRunner(
  deps: RunnerServerDeps,
  address: { readonly host: string; readonly port: number },
): Promise<RunnerServer> {
  const server = createServer({
    maxSessionMemory: SESSION_MEMORY_MB,
    ...STREAM_RESETS,
    settings: { initialWindowSize: WINDOW_BYTES },
  });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.setLocalWindowSize(WINDOW_BYTES);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    serveStream(deps, stream, headers).catch((error: unknown) => {
      // A caller that went away is no fault; one that sends something else is.
      if (error instanceof FrameFault) deps.logger.warn("a caller does not keep to the protocol", errorFields(error));
      stream.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const message = `Cannot listen on ${address.host}:${address.port}: ${String(cause)}.`;
      reject(new RuntimeError("server.cannot_listen", message, { cause }));
    });
    server.listen(address.port, address.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async (graceMs) => {
      const cutOff = setTimeout(() => sessions.forEach((session) => session.destroy()), graceMs);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Says so to the callers, who open no more streams, and ends when the last of them has.
      for (const session of sessions) session.close();
      await closed;
      clearTimeout(cutOff);
    },
  };
}

async function serveStream(
  deps: RunnerServerDeps,
  stream: ServerHttp2Stream,
  { ":method": method, ":path": path, authorization }: IncomingHttpHeaders,
): Promise<void> {
  if (method === "GET" && path === HEALTH_PATH) {
    stream.respond({ ":status": 200, "content-type": "application/json" });
    stream.end(JSON.stringify({ status: "healthy", service: "wasm_runner" }));
    return;
  }
  const status = method !== "POST" || path !== GUESTS_PATH ? 404 : (await deps.mayCall(authorization)) ? 200 : 401;
  if (stream.destroyed) return;
  stream.respond({ ":status": status, "content-type": "application/octet-stream" }, { endStream: status !== 200 });
  if (status !== 200) return;

  const frames = readFrames(stream as AsyncIterable<Uint8Array>, FRAME_LIMITS);
  const { value: frame } = await frames.next();
  if (frame === undefined) throw new FrameFault("The stream has no message.");
  const first = readMessage(toRunner, frame);
  const send = (message: FromRunner, body?: Uint8Array): void => {
    if (!stream.destroyed) stream.write(encodeFrame(message, body));
  };
  switch (first.kind) {
    case "admit":
      send(admissionMessage(await deps.pool.admit(first.tenant_id, frame.body)));
      break;
    case "call": {
      const outcome = await runCall(deps, first, Uint8Array.from(frame.body), frames, send);
      send(outcomeMessage(outcome), outcome.outcome === "returned" ? outcome.output : undefined);
      break;
    }
    case "module":
    case "result":
    case "error":
      throw new FrameFault(`A stream does not begin with ${first.kind}.`);
  }
  stream.end();
}

/** Runs one call; what comes in meanwhile are the answers to what it asks. */
async function runCall(
  { pool, modules, logger }: RunnerServerDeps,
  { tenant_id: tenantId, instance_id: instanceId, digest, export: name, deadline_ms: deadlineMs }: Call,
  input: Uint8Array,
  frames: ReturnType<typeof readFrames>,
  send: (message: FromRunner) => void,
): Promise<GuestOutcome> {
  const waiting = new Map<number, PromiseWithResolvers<CapabilityReply>>();
  let module: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  let isGone = false;
  let asked = 0;

  const take = async (): Promise<void> => {
    for await (const frame of frames) {
      const message = readMessage(toRunner, frame);
      if (message.kind === "module") module?.resolve(message.found ? Uint8Array.from(frame.body) : undefined);
      else if (message.kind === "result" || message.kind === "error") {
        waiting.get(message.number)?.resolve(replyOf(message));
        waiting.delete(message.number);
      } else throw new FrameFault(`A call does not have ${message.kind}.`);
    }
  };
  void take()
    .catch((error: unknown) => {
      if (error instanceof FrameFault) logger.warn("a caller does not keep to the protocol", errorFields(error));
    })
    .finally(() => {
      isGone = true;
      const error = new Error("The caller is gone.");
      module?.reject(error);
      for (const each of waiting.values()) each.reject(error);
    });

  const forget = modules.add(tenantId, digest, () => {
    if (module === undefined) {
      module = Promise.withResolvers();
      send({ kind: "need_module" });
    }
    return isGone ? Promise.reject(new Error("The caller is gone.")) : module.promise;
  });
  try {
    return await pool.invoke({
      tenantId,
      instanceId,
      digest,
      export: name,
      input,
      deadlineMs,
      onCall: ({ provider, operation, params }) => {
        if (isGone) return Promise.reject(new Error("The caller is gone."));
        asked += 1;
        const reply = Promise.withResolvers<CapabilityReply>();
        waiting.set(asked, reply);
        send({ kind: "ask", number: asked, provider, operation, params });
        return reply.promise;
      },
    });
  } catch (error) {
    logger.error("a call failed", { digest, ...errorFields(error) });
    const failure = { reason: "worker_lost", message: "The runner could not run the call." } as const;
    return { outcome: "failed", failure, report: { log: "", logTruncated: false, runMs: 0 } };
  } finally {
    forget();
  }
}
