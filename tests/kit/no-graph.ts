import type { GraphStore } from "../../shared/ports/graph-store.ts";

const unused = (): never => {
  throw new RangeError("no step of these plans touches the graph store");
};

/** For plays whose steps touch no graph: a call is a fault of the play. */
export const NO_GRAPH: GraphStore = {
  setUp: unused,
  write: unused,
  undo: unused,
  dropTombstones: unused,
  get: unused,
  list: unused,
  edges: unused,
  traverse: unused,
  nearest: unused,
  forgetFile: unused,
  ping: unused,
  close: unused,
};
