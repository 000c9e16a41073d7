import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";

/**
 * What a guest's thread and its host share: where the host puts the answer to a capability call, and where the guest's log is.
 *  K1  A guest waits for the answer to its own call: an answer with another number does not wake it for good.
 *  K2  The log never takes more than its room, and is there for the host when the thread is not any more.
 * One thread has one channel; a thread that is ended takes it along.
 */
export const CALL_STATUS = {
  INVALID_POINTER: -1,
  INVALID_REQUEST: -2,
  PERMISSION_DENIED: -3,
  NOT_FOUND: -4,
  RESOURCE_EXHAUSTED: -5,
  FAILED: -6,
  TIMEOUT: -7,
} as const;

const ANSWERED = 0;
const STATUS = 1;
const LOG_USED = 2;
const LOG_TRUNCATED = 3;
const HEADER_BYTES = 16;
const REPLY_BEGIN = HEADER_BYTES;
const LOG_BEGIN = REPLY_BEGIN + GUEST_LIMITS.payloadBytes;

export interface CallAnswer {
  /** The length of the result, or a code of CALL_STATUS. */
  readonly status: number;
  readonly result: Uint8Array;
}

export class CallChannel {
  readonly shared: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(shared = new SharedArrayBuffer(LOG_BEGIN + GUEST_LIMITS.logBytes)) {
    this.shared = shared;
    this.#header = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(shared);
  }

  /** In the guest's thread: waits for the answer to a call. Call numbers of a thread are never 0 and never repeat. */
  await(callNumber: number): CallAnswer {
    for (;;) {
      const answered = Atomics.load(this.#header, ANSWERED);
      if (answered === callNumber) break;
      Atomics.wait(this.#header, ANSWERED, answered);
    }
    const status = Atomics.load(this.#header, STATUS);
    const length = Math.min(Math.max(0, status), GUEST_LIMITS.payloadBytes);
    return { status, result: this.#bytes.slice(REPLY_BEGIN, REPLY_BEGIN + length) };
  }

  /** In the host: gives the answer to a call. The host must not give one to a call that is not waiting. */
  answer(callNumber: number, status: number, result?: Uint8Array): void {
    if (result !== undefined) this.#bytes.set(result, REPLY_BEGIN);
    Atomics.store(this.#header, STATUS, status);
    Atomics.store(this.#header, ANSWERED, callNumber);
    Atomics.notify(this.#header, ANSWERED);
  }

  /** In the guest's thread: adds to the log what still has room. */
  log(bytes: Uint8Array): void {
    const used = Atomics.load(this.#header, LOG_USED);
    const room = Math.min(bytes.length, GUEST_LIMITS.logBytes - used);
    if (room > 0) {
      this.#bytes.set(bytes.subarray(0, room), LOG_BEGIN + used);
      Atomics.store(this.#header, LOG_USED, used + room);
    }
    if (room < bytes.length) Atomics.store(this.#header, LOG_TRUNCATED, 1);
  }

  /** In the host, between two calls: empties the log. */
  clearLog(): void {
    Atomics.store(this.#header, LOG_USED, 0);
    Atomics.store(this.#header, LOG_TRUNCATED, 0);
  }

  /** In the host: the log as it is now. */
  readLog(): { readonly log: string; readonly logTruncated: boolean } {
    const used = Math.min(Math.max(0, Atomics.load(this.#header, LOG_USED)), GUEST_LIMITS.logBytes);
    const log = used === 0 ? "" : Buffer.from(this.#bytes.slice(LOG_BEGIN, LOG_BEGIN + used)).toString();
    return { log, logTruncated: Atomics.load(this.#header, LOG_TRUNCATED) === 1 };
  }
}
