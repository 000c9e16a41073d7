import { readlinkSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

import { CallChannel } from "./call-channel.ts";
import { type GuestEnd, runGuest } from "./guest-instance.ts";
import { ReusedMemories } from "./reused-memories.ts";
import { runWithin } from "./run-within.ts";
import type { FromGuestThread, ThreadData, LoadedModule, ToGuestThread } from "./thread-messages.ts";

/** The thread that guests run in, one call after the other. It holds compiled modules, and nothing of the calls. */
const channel = new CallChannel((workerData as ThreadData).shared);
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
  const before = process.threadCpuUsage();
  const end = run(message);
  const { user, system } = process.threadCpuUsage(before);
  send({ ...end, cpuMs: (user + system) / 1_000 });
}

function run({ key, exportName, input, limitMs }: Extract<ToGuestThread, { readonly kind: "run" }>): GuestEnd {
  const loaded = modules.get(key);
  if (loaded === undefined)
    return { kind: "failed", reason: "module_missing", message: "The thread was not given the module." };
  const ask = (request: Uint8Array) => {
    callNumber += 1;
    send({ kind: "call", callNumber, request });
    return channel.await(callNumber);
  };
  const memory = memories.take(loaded.memory);
  const log = (bytes: Uint8Array): void => channel.log(bytes);
  const call = (): GuestEnd => runGuest({ ...loaded, memory, exportName, input, ask, log, nowMs: Date.now });
  if (limitMs === undefined) return call();
  const late = `It ran longer than its ${limitMs} ms.`;
  return runWithin(limitMs, call) ?? { kind: "failed", reason: "deadline", message: late };
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
