import type { TableEngine } from "../../shared/ports/table-engine.ts";

const unused = (): never => {
  throw new Error("there are no tables here, and yet one was asked for");
};

/** For runtimes whose intents have nothing to do with tables. */
export const NO_TABLES: TableEngine = {
  query: unused,
  rows: unused,
  ping: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
