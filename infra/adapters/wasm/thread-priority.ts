/** As Linux counts the priorities of threads: 0 is what all have, 19 the lowest. */
export const PLAIN_PRIORITY = 0;
/** Of guests: the thread that serves everybody goes first. */
export const GUEST_PRIORITY = 2;
/** Of what lets calls that are short go first. */
export const LOW_PRIORITY = 10;
