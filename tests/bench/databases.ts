import { cp } from "node:fs/promises";
import { join } from "node:path";

import { runScript } from "./child.ts";

export interface SeededDatabase {
  readonly directory: string;
  readonly executions: number;
}

/** Two databases that differ only in how many executions they hold; the parts that need them share them. */
export interface Databases {
  readonly seeded: () => Promise<{ readonly small: SeededDatabase; readonly large: SeededDatabase }>;
}

/** Seeds the databases when they are first asked for: the small one is the large one as it was on the way. */
export function createDatabases(
  directory: string,
  sizes: { readonly small: number; readonly large: number },
  say: (line: string) => void,
): Databases {
  const small = { directory: join(directory, "small"), executions: sizes.small };
  const large = { directory: join(directory, "large"), executions: sizes.large };
  const seed = async () => {
    const startedMs = performance.now();
    const fill = (from: number, to: number) =>
      runScript("tests/bench/seed-database.ts", [String(from), String(to)], { DATA_DIR: large.directory }, (line) =>
        say(`seeding: ${line}`),
      );
    await fill(0, sizes.small);
    await cp(large.directory, small.directory, { recursive: true });
    await fill(sizes.small, sizes.large);
    say(
      `seeded ${sizes.large.toLocaleString("en")} executions in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`,
    );
    return { small, large };
  };
  let seeded: ReturnType<typeof seed> | undefined;
  return { seeded: () => (seeded ??= seed()) };
}
