import { readlinkSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

import { CallChannel } from "./call-channel.ts";
import { runGuest } from "./guest-instance.ts";
import { ReusedMemories } from "./reused-memories.ts";
import type { FromGuestThread, GuestThreadData, LoadedModule, ToGuestThread } from "./thread-messages.ts";

/** The thread that guests run in, one call after the other. It holds compiled modules, and nothing of the calls. */
const channel = new CallChannel((workerData as GuestThreadData).shared);
const modules = new Map<string, LoadedModule>();
const memories = new ReusedMemories();
let callNumber = 0;

function send(message: FromGuestThread): void {
  parentPort?.postMessage(message);
}

function receive(message: ToGuestThread): void {
  if (message.kind === "forget") {
    modules.delete(message.key);
    return;
  }
  if (message.module !== undefined) modules.set(message.key, message.module);
  const loaded = modules.get(message.key);
  if (loaded === undefined) {
    send({ kind: "failed", reason: "module_missing", message: "The thread was not given the module." });
    return;
  }
  const ask = (request: Uint8Array) => {
    callNumber += 1;
    send({ kind: "call", callNumber, request });
    return channel.await(callNumber);
  };
  const { exportName, input } = message;
  const memory = memories.take(loaded.memory);
  send(runGuest({ ...loaded, memory, exportName, input, ask, log: (bytes) => channel.log(bytes), nowMs: Date.now }));
}

/** The number by which the system knows this thread; only Linux tells it. */
function systemThreadId(): number | undefined {
  try {
    const id = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    return Number.isSafeInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

parentPort?.on("message", receive);
send({ kind: "ready", systemThreadId: systemThreadId() });
