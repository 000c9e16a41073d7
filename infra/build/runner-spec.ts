import { GUEST_LIMITS } from "../../shared/ports/guest-limits.ts";
import { functionResources } from "../../shared/sagas/function-resources.ts";
import { GUESTS_PATH } from "../adapters/wasm-runner/messages.ts";

const NAME = "wasm_runner";
/** What a call may take besides the guest's own time: its turn, a module that is fetched and compiled, and the way. */
const OVERHEAD_MS = 30_000;

/** The runner of guests: deployed beside the functions from the same image, and no function, since it stands on no services (ADR 0030). */
export const RUNNER = {
  /** The bundle's name. */
  name: NAME,
  kind: "runner",
  intentType: undefined,
  source: "functions/wasm-runner.ts",
  /** Where callers post to. */
  path: GUESTS_PATH,
  /** Two CPUs make at most twelve threads, with 64 MB for each one's guest; calls that wait for a thread cost next to nothing. */
  resources: functionResources(NAME, { cpu: 2, memoryMb: 2_048, concurrency: 40, maxInstances: 20 }),
  timeoutMs: GUEST_LIMITS.deadlineMaxMs + OVERHEAD_MS,
} as const;
