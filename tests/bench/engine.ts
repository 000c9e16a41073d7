import { join } from "node:path";

import { runScript } from "./child.ts";
import type { Bench, Outcome } from "./part.ts";

/** Part: CPU time of a saga without HTTP and without a store, and with the work of the Redis adapter. */
export async function enginePart({ directory, quick, say }: Bench): Promise<Outcome> {
  const least = async (kind: "none" | "redis"): Promise<number> => {
    let micros = Number.NaN;
    const args = [kind, quick ? "5" : "100", join(directory, `engine-${kind}`)];
    await runScript("tests/bench/engine-cpu.ts", args, {}, (line) => {
      say(`${kind}: ${line}`);
      micros = Number.parseFloat(line);
    });
    return micros;
  };
  const [alone, withRedis] = [await least("none"), await least("redis")];
  return {
    rows: [
      {
        figure: "engine alone: CPU of a 3-step saga, at the least",
        measured: `${alone.toFixed(0)} µs`,
        beside: `${withRedis.toFixed(0)} µs with what the Redis adapter makes of its commits`,
      },
    ],
    figures: { aloneMicros: alone, withRedisMicros: withRedis },
  };
}
