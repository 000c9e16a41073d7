import type { ClientHttp2Stream } from "node:http2";

import type { TenantId } from "../../../shared/ids.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import type {
  AdmissionOutcome,
  GuestFailureReason,
  GuestInvocation,
  GuestOutcome,
  GuestPool,
  ModuleSource,
} from "../../../shared/ports/wasm-runtime.ts";
import { wasmError } from "../../../shared/wasm-error.ts";
import { encodeFrame, type Frame, readFrames } from "./frames.ts";
import {
  admissionOf,
  answerMessage,
  FRAME_LIMITS,
  type FromRunner,
  fromRunner,
  outcomeOf,
  readMessage,
  type ToRunner,
} from "./messages.ts";
import { createRunnerConnection, Unreachable } from "./runner-connection.ts";

/** What a call may take besides its own time: its turn in the runner's line, a module that is fetched and compiled, and the way. */
const OVERHEAD_MS = 20_000;

export interface RemotePoolDeps {
  /** Where the runner is. */
  readonly url: string;
  readonly modules: ModuleSource;
  /** The token that the runner, or what stands before it, asks for; undefined where none is. */
  readonly token: () => Promise<string | undefined>;
  readonly logger: Logger;
}

/** A pool of guests in another process. */
export interface RemotePool extends GuestPool {
  /** Gives up all that is under way there, as `node_lost`. */
  abandon(): void;
}

/** An exchange that ended without an outcome. */
interface Broken {
  readonly broken: Extract<GuestFailureReason, "node_unreachable" | "node_lost">;
  readonly message: string;
}

/**
 * Runs guests in a runner, one HTTP/2 stream for each call (ADR 0030).
 *  P1  What a guest asks comes on the stream of its call and is answered here, by the call's own `onCall`: a runner has no other
 *      way to anything, and none at all once its stream is gone.
 *  P2  A call that breaks off is told apart: `node_unreachable` when nothing was begun, else `node_lost`. It is never sent again here.
 *  P3  Every message conforms to its schema; a runner that sends another one has lost the call.
 */
export function openRemotePool({ url, modules, token, logger }: RemotePoolDeps): RemotePool {
  const connection = createRunnerConnection(url);

  /** Sends a first message and takes what comes until `onMessage` gives an outcome. */
  const exchange = async <Outcome>(
    first: ToRunner,
    body: Uint8Array,
    patienceMs: number,
    onMessage: (message: FromRunner, body: Uint8Array, stream: ClientHttp2Stream) => Outcome | undefined,
  ): Promise<Outcome | Broken> => {
    let stream: ClientHttp2Stream;
    try {
      stream = await connection.open(await token());
    } catch (error) {
      if (!(error instanceof Unreachable)) logger.warn("a runner cannot be asked", { url, ...errorFields(error) });
      return { broken: "node_unreachable", message: "The node cannot be reached." };
    }
    const patience = setTimeout(() => stream.destroy(), patienceMs);
    let status: number | undefined;
    let outcome: Outcome | undefined;
    stream.once("response", (headers) => {
      status = headers[":status"];
      if (status !== 200) stream.destroy();
    });
    // The loop below hears of it as well.
    stream.on("error", () => undefined);
    try {
      stream.write(encodeFrame(first, body));
      for await (const frame of framesOf(stream)) {
        if (outcome !== undefined) throw new Error("Nothing follows an outcome.");
        outcome = onMessage(readMessage(fromRunner, frame), frame.body, stream);
        // Both sides end it: streams that are cut off count as an attack after a thousand.
        if (outcome !== undefined) stream.end();
      }
    } catch (error) {
      // Whatever the runner sent instead of an outcome, the call is lost.
      if (status === 200 && !stream.destroyed) logger.warn("a runner broke a call off", { url, ...errorFields(error) });
    } finally {
      clearTimeout(patience);
      stream.destroy();
    }
    if (outcome !== undefined) return outcome;
    if (status !== undefined && status !== 200) {
      logger.warn("a runner refused a call", { url, status });
      return { broken: "node_unreachable", message: "The node does not take calls of this process." };
    }
    return { broken: "node_lost", message: "The node was lost in the middle of the call." };
  };

  return {
    invoke: async (invocation) => {
      const { tenantId, instanceId, digest, export: name, deadlineMs, input, onCall } = invocation;
      if (!(deadlineMs >= 1 && deadlineMs <= GUEST_LIMITS.deadlineMaxMs))
        throw wasmError("INVALID_REQUEST", `A deadline is 1 to ${GUEST_LIMITS.deadlineMaxMs} ms.`, {
          reason: "deadline",
        });
      const exportName = name === undefined ? {} : { export: name };
      const first: ToRunner = {
        kind: "call",
        tenant_id: tenantId,
        instance_id: instanceId,
        digest,
        ...exportName,
        deadline_ms: deadlineMs,
      };
      const gone = new AbortController();
      let asked = 0;
      const ended = await exchange<GuestOutcome>(first, input, deadlineMs + OVERHEAD_MS, (message, body, stream) => {
        switch (message.kind) {
          case "need_module":
            void sendModule(stream, tenantId, digest);
            return undefined;
          case "ask":
            asked += 1;
            if (asked > GUEST_LIMITS.capabilityCalls) throw new Error("The guest asks more often than it may.");
            void answer(stream, message, onCall, gone.signal);
            return undefined;
          case "returned":
          case "failed":
            return outcomeOf(message, Uint8Array.from(body));
          case "admitted":
          case "refused":
            throw new Error(`A call does not end with ${message.kind}.`);
        }
      });
      gone.abort();
      if (!("broken" in ended)) return ended;
      const failure = { reason: ended.broken, message: ended.message };
      return { outcome: "failed", failure, report: { log: "", logTruncated: false, runMs: 0 } };
    },

    admit: async (tenantId, module) => {
      if (module.length > GUEST_LIMITS.moduleBytes) {
        const message = `The module has ${module.length} bytes; ${GUEST_LIMITS.moduleBytes} are allowed.`;
        return { outcome: "refused", refusal: { reason: "too_large", message } };
      }
      const first: ToRunner = { kind: "admit", tenant_id: tenantId };
      const ended = await exchange<AdmissionOutcome>(first, module, OVERHEAD_MS, (message) => {
        if (message.kind === "admitted" || message.kind === "refused") return admissionOf(message);
        throw new Error(`An admission does not have ${message.kind}.`);
      });
      if (!("broken" in ended)) return ended;
      return { outcome: "refused", refusal: { reason: "node_lost", message: ended.message } };
    },

    abandon: () => connection.drop(),
    close: () => {
      connection.drop();
      return Promise.resolve();
    },
  };

  async function sendModule(stream: ClientHttp2Stream, tenantId: TenantId, digest: string): Promise<void> {
    try {
      const bytes = await modules.read(tenantId, digest);
      if (!stream.destroyed) stream.write(encodeFrame({ kind: "module", found: bytes !== undefined }, bytes));
    } catch (error) {
      logger.error("a module cannot be read", { digest, ...errorFields(error) });
      stream.destroy();
    }
  }

  async function answer(
    stream: ClientHttp2Stream,
    { number, provider, operation, params }: Extract<FromRunner, { readonly kind: "ask" }>,
    onCall: GuestInvocation["onCall"],
    signal: AbortSignal,
  ): Promise<void> {
    const reply = await onCall({ provider, operation, params }, signal).catch(() => ({
      outcome: "error" as const,
      errorCode: "WASM_RUNTIME_ERROR" as const,
      message: "The capability failed on our side.",
    }));
    if (stream.destroyed) return;
    const header = answerMessage(number, reply);
    const frame = encodeFrame(header);
    // The runner would refuse a larger one, which no guest may be given anyway.
    const fits = frame.length <= FRAME_LIMITS.headerBytes;
    const tooLarge = { number, kind: "error", error_code: "RESOURCE_EXHAUSTED", message: "The result is too large." };
    stream.write(fits ? frame : encodeFrame(tooLarge));
  }
}

function framesOf(stream: ClientHttp2Stream): AsyncGenerator<Frame, void, undefined> {
  return readFrames(stream as AsyncIterable<Uint8Array>, FRAME_LIMITS);
}
