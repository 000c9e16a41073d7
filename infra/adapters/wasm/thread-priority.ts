import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";

/** Priorities as Linux counts those of threads: 0 is what all have, 19 the lowest. Of guests: the thread that serves everybody goes first. */
export const GUEST_PRIORITY = 2;
/** Of guests whose calls run long, and of what works beside guests: V8's own threads, and the one that examines and compiles modules. */
export const LOW_PRIORITY = 10;
/** Of guests whose calls are cut off: whatever else there is to do goes first. */
export const LOWEST_PRIORITY = 19;

const TASKS = "/proc/self/task";
const HELPER_NAME = "V8Worker";

/** Lets V8's own threads in this process go behind those that serve; where the system does not tell of them, nothing. */
export function lowerHelpers(): void {
  try {
    for (const id of readdirSync(TASKS))
      if (readFileSync(`${TASKS}/${id}/comm`, "utf8").trim() === HELPER_NAME) setPriority(Number(id), LOW_PRIORITY);
  } catch {
    // A system that does not allow it shares its processors evenly, which is only less good.
  }
}
