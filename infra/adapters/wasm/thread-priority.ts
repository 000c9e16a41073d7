/** Priorities as Linux counts those of threads: 0 is what all have, 19 the lowest. Of guests: the thread that serves everybody goes first. */
export const GUEST_PRIORITY = 2;
/** Of guests whose calls run long, and of the compiler of modules. */
export const LOW_PRIORITY = 10;
/** Of guests whose calls are cut off: whatever else there is to do goes first. */
export const LOWEST_PRIORITY = 19;
