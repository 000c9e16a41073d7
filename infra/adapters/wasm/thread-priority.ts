import { setPriority } from "node:os";

/** Priorities as Linux counts those of threads: 0 is what all have, 19 the lowest. Of guests: the thread that serves everybody goes first. */
export const GUEST_PRIORITY = 2;
/** Of guests whose calls run long, and of the compiler of modules. */
export const LOW_PRIORITY = 10;
/** Of guests whose calls are cut off: whatever else there is to do goes first. */
export const LOWEST_PRIORITY = 19;

/**
 * Has a thread go behind or before others; 0 is the calling one. Where the system does not allow it, as in a process that is lower itself and
 * may not raise, processors are shared evenly, which is only less good.
 */
export function setThreadPriority(systemThreadId: number, priority: number): void {
  // Elsewhere it would be the whole process's.
  if (process.platform !== "linux") return;
  try {
    setPriority(systemThreadId, priority);
  } catch {
    // As it is.
  }
}
