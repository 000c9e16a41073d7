import { Worker } from "node:worker_threads";

import type { GuestFailure } from "../../../shared/ports/wasm-runtime.ts";
import { CallChannel } from "./call-channel.ts";
import { GUEST_PRIORITY, LOW_PRIORITY, setThreadPriority } from "./thread-priority.ts";
import type { FromGuestThread, ThreadData, ToGuestThread } from "./thread-messages.ts";

/**
 * What the thread's own heap and stack may take. Guests' memories are not in it, but V8 collects in full at each change once they
 * take more than half of it, so it is more than twice the largest of them.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 };

export type ThreadAnswer = Extract<FromGuestThread, { readonly kind: "returned" | "failed" }>;

export interface GuestThreadEvents {
  readonly ready: (thread: GuestThread) => void;
  readonly answered: (thread: GuestThread, answer: ThreadAnswer) => void;
  readonly called: (thread: GuestThread, callNumber: number, request: Uint8Array) => void;
  /** The thread is gone; `failure` tells why when nobody ended it. */
  readonly ended: (thread: GuestThread, failure: GuestFailure) => void;
}

/** A guest's thread as the host sees it. */
export class GuestThread {
  readonly channel = new CallChannel();
  /** Keys of the modules that it was given. */
  readonly modules = new Set<string>();
  readonly #worker: Worker;
  #systemThreadId: number | undefined;
  #failure: GuestFailure = { reason: "worker_lost", message: "The guest's thread ended." };

  constructor(code: URL, events: GuestThreadEvents) {
    const data: ThreadData = { shared: this.channel.shared };
    // Nothing of the host's environment: a thread shares no secrets with guests, not even by accident.
    const options = { workerData: data, env: {}, execArgv: [], resourceLimits: RESOURCE_LIMITS, stdin: false };
    this.#worker = new Worker(code, options);
    this.#worker.on("message", (message: FromGuestThread) => {
      switch (message.kind) {
        case "ready":
          this.#systemThreadId = message.systemThreadId;
          this.#setPriority(GUEST_PRIORITY);
          return events.ready(this);
        case "call":
          return events.called(this, message.callNumber, message.request);
        case "returned":
        case "failed":
          return events.answered(this, message);
      }
    });
    this.#worker.on("error", (error: Error & { readonly code?: string }) => {
      const exhausted = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      this.#failure = exhausted
        ? { reason: "out_of_memory", message: "The guest used up the memory of its thread." }
        : { reason: "worker_lost", message: "The guest's thread failed." };
    });
    this.#worker.once("exit", () => events.ended(this, this.#failure));
  }

  send(message: ToGuestThread): void {
    this.#worker.postMessage(message);
  }

  /** Lets the other threads go before this one, for good. */
  yieldToOthers(priority: number): void {
    this.#setPriority(priority);
  }

  /** Ends the thread, whatever it is at; `ended` follows. */
  async end(): Promise<void> {
    // It takes processor time to end, too; only where the process may raise priorities.
    this.#setPriority(LOW_PRIORITY);
    await this.#worker.terminate();
  }

  #setPriority(priority: number): void {
    if (this.#systemThreadId !== undefined) setThreadPriority(this.#systemThreadId, priority);
  }
}
