import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import { CALL_STATUS, type CallAnswer } from "./call-channel.ts";
import type { GuestMemory } from "./guest-memory.ts";

export interface CapabilityScene {
  readonly memory: GuestMemory;
  /** Sends a request to the host and waits for its answer. */
  readonly ask: (request: Uint8Array) => CallAnswer;
  readonly log: (bytes: Uint8Array) => void;
}

const NEWLINE = Uint8Array.of(10);
const OK = 0;

/** The functions of the import module `symphainy`. They answer with codes and never throw: what a guest catches, it would swallow. */
export function createCapabilityImports(
  scene: CapabilityScene,
): Record<string, (...args: readonly unknown[]) => number> {
  let calls = 0;
  let result: Uint8Array = new Uint8Array();
  return {
    call: (pointer, length) => {
      const request = scene.memory.view(pointer, length);
      if (request === undefined) return CALL_STATUS.INVALID_POINTER;
      calls += 1;
      if (request.length > GUEST_LIMITS.requestBytes || calls > GUEST_LIMITS.capabilityCalls)
        return CALL_STATUS.RESOURCE_EXHAUSTED;
      const answer = scene.ask(request.slice());
      ({ result } = answer);
      return answer.status;
    },
    result: (pointer) => {
      const place = scene.memory.view(pointer, result.length);
      place?.set(result);
      return place === undefined ? CALL_STATUS.INVALID_POINTER : OK;
    },
    log: (pointer, length) => {
      const line = scene.memory.view(pointer, length);
      if (line === undefined) return CALL_STATUS.INVALID_POINTER;
      scene.log(line);
      scene.log(NEWLINE);
      return OK;
    },
  };
}
